// Shards, restarts, damage and merging, in process; kill -9 on the real executable.
#include "experiments/sweep/runner.hpp"

#include <doctest/doctest.h>
#include <omp.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <thread>

#include "experiments/sweep/folder.hpp"
#include "experiments/sweep/merge.hpp"
#include "sim/base/arithmetic.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/hdf5_file.hpp"
#include "tests/support/embed_support.hpp"
#include "tests/support/process_support.hpp"

using namespace prefdyn;
using namespace prefdyn::sweep;
using test::command;
using test::contains;
using test::exit_code;
using test::start;
using test::start_program;
using test::TemporaryDirectory;

namespace {

/// 3 x 2 x 2 points, the last distinguishability of which cannot be sampled exactly with n <= d.
const std::string kSpec =
    "distinguishability = 0.5, 1, 2\n"
    "samples = 20, 40\n"
    "dimension = 4\n"
    "steps = 10\n"
    "records = 4\n"
    "replicates = 2\n"
    "claims = T1, T2\n";

std::string read_text(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

/// Every dataset of a merged file, bytes and strings.
std::string content(const std::string& path, const Spec& spec) {
    const h5::Reader file(path);
    std::string out;
    for (const Field& f : merged_fields(spec)) {
        out += f.name;
        if (f.type == FieldType::kText) {
            for (const std::string& s : file.strings(f.name)) out.append(s).append("\n");
        } else {
            const auto x = file.numbers(f.name);
            out.append(reinterpret_cast<const char*>(x.data()), x.size() * sizeof(double));
        }
    }
    return out;
}

struct SweepFixture {
    TemporaryDirectory dir;
    Spec spec;
    explicit SweepFixture(const std::string& text = kSpec) {
        write_text(dir / "s.ini", text);
        spec = read_spec(dir / "s.ini");
    }
    std::string merged(const std::string& folder) const {
        const std::string out = dir / (folder + ".h5");
        const auto got = command({"merge", dir / folder, "-o", out, "--force"});
        CHECK(got.code == 0);
        return content(out, spec);
    }
    test::Outcome run(const std::string& folder, std::vector<std::string> more = {}) const {
        more.insert(more.begin(), {"sweep", dir / "s.ini", "--out", dir / folder});
        return command(more);
    }
};

}  // namespace

TEST_CASE("threads, shards, order and restarts change no byte of the merged file") {
    const SweepFixture at;
    {
        const test::Threads one(1);
        CHECK(at.run("one").code == 0);
    }
    const std::string want = at.merged("one");
    {
        const test::Threads eight(8);
        CHECK(at.run("eight").code == 0);
    }
    CHECK(at.merged("eight") == want);
    for (const char* shard : {"3/3", "1/3", "2/3"})
        CHECK(at.run("shards", {"--shard", shard}).code == 0);
    CHECK(at.merged("shards") == want);
    const auto again = at.run("shards");
    CHECK(contains(again.out, "12 points in shard 1/1, 12 finished before, 0 now"));
    CHECK(find_segments(at.dir / "shards").files.size() == 3);
}

TEST_CASE("points in groups that train while others are made are the points one by one") {
    // of 14 seven cannot be run
    const SweepFixture at(
        "distinguishability = 0.5, 1, 2, 3, 4, 5, 6\nsamples = 4, 40\ndimension = 4\nsteps = 10\n"
        "moments = sample\nrecords = 4\nclaims = T1, T2\n");
    REQUIRE(at.run("one").code == 2);
    const std::string want = at.merged("one");
    for (const std::size_t group : {2, 3, 5, 13, 14, 100})
        for (const int threads : {1, 2}) {
            CAPTURE(group);
            const test::Threads scope(threads);
            std::string folder = std::to_string(group);
            folder.append(threads == 1 ? " alone" : " threads");
            prepare_folder(at.dir / folder, at.spec);
            RunPlan plan;
            plan.group = group;
            const SweepCount count = run_shard(at.spec, at.dir / folder, {1, 1}, plan);
            CHECK(count.done == at.spec.size());
            CHECK(count.failed == 7);
            CHECK(at.merged(folder) == want);
        }
}

TEST_CASE("a merged file has the grid's axes, and a point is the run that simulate makes of it") {
    const SweepFixture at;
    REQUIRE(at.run("s").code == 0);
    at.merged("s");
    const h5::Reader file(at.dir / "s.h5");
    CHECK(file.numbers("distinguishability") == std::vector<double>{0.5, 1.0, 2.0});
    CHECK(file.numbers("samples") == std::vector<double>{20.0, 40.0});
    CHECK(file.shape("loss") == h5::Shape{3, 2, 2, 4});
    CHECK(file.shape("kappa") == h5::Shape{3, 2, 2});
    const auto model = at.spec.experiment->make();
    set_point(at.spec, {}, 9, model->table());  // 2 x 2 + 0 x 2 + 1
    std::vector<std::string> arguments = {"simulate", "--out", at.dir / "one.h5"};
    for (const Parameter& p : model->table().parameters()) {
        if (p.name == "delta") continue;  // not simulate's
        arguments.push_back("--" + p.name);
        arguments.push_back(p.get());
    }
    REQUIRE(command(arguments).code == 0);
    const h5::Reader single(at.dir / "one.h5");
    const auto loss = file.numbers("loss"), alone = single.numbers("loss");
    REQUIRE(alone.size() == 4);
    for (std::size_t r = 0; r < 4; ++r) CHECK(loss[9 * 4 + r] == alone[r]);
    CHECK(file.strings("run_id")[9] == single.strings("run_id")[0]);
    CHECK(file.numbers("T1_status")[9] == 0.0);
}

TEST_CASE("points that cannot be run are NaN with their reason, the others are there") {
    const SweepFixture at(
        "samples = 10, 60\ndimension = 20\nmoments = sample\nsteps = 5\nrecords = 2\n");
    const auto got = at.run("s");
    CHECK(got.code == 2);
    CHECK(contains(got.out, "2 now, 1 of these failed\nfailed: 1 point: "));
    const auto again = at.run("s");
    CHECK(again.code == 2);
    CHECK(contains(again.out, "2 finished before, 0 now, 0 of these failed\nfailed: 1 point: "));
    at.merged("s");
    const h5::Reader file(at.dir / "s.h5");
    CHECK(file.numbers("point_status") == std::vector<double>{2.0, 1.0});
    CHECK(std::isnan(file.numbers("loss")[0]));
    CHECK(std::isfinite(file.numbers("loss")[2]));
    CHECK(file.numbers("failed_point") == std::vector<double>{0.0});
    CHECK(contains(file.strings("failed_reason")[0], "samples"));
    const auto status = command({"status", at.dir / "s"});
    CHECK(contains(status.out, "1 of 2 points finished, 1 failed, 0 missing"));
}

TEST_CASE("missing points are NaN and listed") {
    const SweepFixture at;
    REQUIRE(at.run("s", {"--shard", "2/3"}).code == 0);
    const auto status = command({"status", at.dir / "s"});
    CHECK(status.code == 0);
    CHECK(contains(status.out, "4 of 12 points finished, 0 failed, 8 missing"));
    CHECK(contains(status.out, "missing: points 2 to 3"));
    at.merged("s");
    const h5::Reader file(at.dir / "s.h5");
    const auto kappa = file.numbers("kappa");
    for (std::size_t p = 0; p < 12; ++p) CHECK(std::isnan(kappa[p]) == (p % 3 != 1));
}

TEST_CASE("a damaged segment is named, left out, and computed again") {
    const SweepFixture at;
    REQUIRE(at.run("s", {"--shard", "1/2"}).code == 0);
    REQUIRE(at.run("s", {"--shard", "2/2"}).code == 0);
    const std::string want = at.merged("s");
    const auto files = find_segments(at.dir / "s").files;
    REQUIRE(files.size() == 2);
    std::filesystem::resize_file(files[1], std::filesystem::file_size(files[1]) / 2);
    write_text(at.dir / "s/segments/notes.txt", "mine");
    write_text(at.dir / "s/segments/1-x-0.h5.partial", "half");
    const auto merged = command({"merge", at.dir / "s", "--out", at.dir / "m.h5"});
    CHECK(merged.code == 3);
    CHECK(contains(merged.out, "damaged, left out: " + files[1]));
    CHECK(contains(merged.out, "6 of 12 points finished"));
    CHECK(contains(merged.out, "not a segment, ignored: "));
    CHECK(contains(merged.out, "notes.txt"));
    CHECK(contains(merged.out, "a worker died writing, or writes now: 1"));
    const auto again = at.run("s");
    CHECK(again.code == 3);  // the damaged file is still there
    CHECK(contains(again.out, "6 finished before, 6 now"));
    std::filesystem::remove(files[1]);
    CHECK(at.merged("s") == want);
}

TEST_CASE("one flipped bit in a segment's values is named by merge, status and sweep") {
    const SweepFixture at;
    REQUIRE(at.run("s", {"--shard", "1/2"}).code == 0);
    REQUIRE(at.run("s", {"--shard", "2/2"}).code == 0);
    const std::string want = at.merged("s"), victim = find_segments(at.dir / "s").files[0];
    const std::string whole = read_text(victim);
    const double number = read_segment(victim, at.spec)[2].values[5];
    std::string flipped = whole;
    const auto found = whole.find(std::string(reinterpret_cast<const char*>(&number), 8));
    REQUIRE(found != std::string::npos);
    flipped[found] ^= 1;
    write_text(victim, flipped);
    const auto merged = command({"merge", at.dir / "s", "--out", at.dir / "m.h5"});
    CHECK(merged.code == 3);
    CHECK(contains(merged.out, "damaged, left out: " + victim + ": its content is not what"));
    CHECK(contains(merged.out, "6 of 12 points finished"));
    CHECK(command({"status", at.dir / "s"}).code == 3);
    const auto again = at.run("s");
    CHECK(again.code == 3);
    CHECK(contains(again.out, "6 finished before, 6 now"));
    std::filesystem::remove(victim);
    CHECK(at.merged("s") == want);
}

TEST_CASE("a flipped bit anywhere in a segment is refused or changes no record") {
    const SweepFixture at("steps = 1\nrecords = 2\nsamples = 10, 20\ndimension = 2\nclaims = T1\n");
    REQUIRE(at.run("s").code == 0);
    const std::string path = find_segments(at.dir / "s").files[0], whole = read_text(path);
    const auto want = read_segment(path, at.spec);
    std::size_t refused = 0;
    for (std::size_t byte = 0; byte < whole.size(); byte += test::kSanitized ? 97 : 7) {
        std::string flipped = whole;
        flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << (byte % 8)));
        write_text(path, flipped);
        try {
            const auto got = read_segment(path, at.spec);
            REQUIRE(got.size() == want.size());
            for (std::size_t k = 0; k < got.size(); ++k) {
                CHECK(got[k].point == want[k].point);
                CHECK(got[k].run_id == want[k].run_id);
                CHECK(got[k].reason == want[k].reason);
                CHECK(std::memcmp(got[k].values.data(), want[k].values.data(),
                                  want[k].values.size() * sizeof(double)) == 0);
            }
        } catch (const InputError&) {
            ++refused;
        }
    }
    CHECK(refused > 0);
}

TEST_CASE("the same point twice must be the same point") {
    const SweepFixture at;
    REQUIRE(at.run("s").code == 0);
    const std::string want = at.merged("s");
    const std::size_t number = 3;
    PointRecord third = PointRunner(at.spec, Device::kCpu)({&number, 1}).front();
    write_segment(at.dir / "s/segments/9-same-0.h5", at.spec, {third});
    CHECK(at.merged("s") == want);
    const std::string other = at.dir / "s/segments/9-z-0.h5";
    third.values[5] *= 1.0 + 1e-12;
    write_segment(other, at.spec, {third});
    CHECK(at.merged("s") == want);  // the first counts
    const auto near = command({"merge", at.dir / "s", "--out", at.dir / "near.h5"});
    CHECK(contains(near.out, "warning: point 3 is in "));
    CHECK(contains(near.out, other + ": they differ by "));
    for (const double wrong : {third.values[5] + 1e-3, kNan, kInfinity}) {
        third.values[5] = wrong;
        write_segment(other, at.spec, {third});
        const auto got = command({"merge", at.dir / "s", "--out", at.dir / "m.h5"});
        CHECK(got.code == 2);
        CHECK(contains(got.err, "point 3 is in " + at.dir / "s/segments/1-"));
        CHECK(contains(got.err, "and, with other numbers, in " + other));
        CHECK(!std::filesystem::exists(at.dir / "m.h5"));
    }
}

TEST_CASE("a point the machine failed at is open, is listed, and gives way to its numbers") {
    const SweepFixture at;
    REQUIRE(at.run("want").code == 0);
    prepare_folder(at.dir / "s", at.spec);
    PointRecord failed;
    failed.point = 3;
    failed.reason = "out of memory";
    failed.again = true;
    failed.values.assign(row_length(at.spec.measures(), at.spec.records), kNan);
    write_segment(at.dir / "s/segments/1-a-0.h5", at.spec, {failed});
    const auto before = command({"status", at.dir / "s"});
    CHECK(contains(before.out, "0 of 12 points finished, 0 failed, 12 missing"));
    CHECK(contains(before.out, "computes again: 1 point: out of memory"));
    CHECK(contains(at.run("s").out, "0 finished before, 12 now, 0 of these failed"));
    const auto after = command({"status", at.dir / "s"});
    CHECK(contains(after.out, "12 of 12 points finished"));
    CHECK_FALSE(contains(after.out, "out of memory"));
    CHECK(at.merged("s") == at.merged("want"));
}

TEST_CASE("short of memory, a sweep ends with 3, and the same call computes what that left") {
    if (test::kSanitized) return test::skipped("sanitizers need address space of their own");
    const SweepFixture at(
        "dimension = 60\nsamples = 40, 400000\nsteps = 2\nrecords = 2\nclaims = T1\n");
    const std::string said = at.dir / "said";
    const std::vector<std::string> call = {"sweep",      at.dir / "s.ini", "--out",
                                           at.dir / "s", "--threads",      "1"};
    std::vector<std::string> starved = {"-c", "ulimit -v 300000; exec \"$0\" \"$@\"",
                                        PREFDYN_EXECUTABLE};
    starved.insert(starved.end(), call.begin(), call.end());
    CHECK(exit_code(start_program("/bin/sh", starved, said)) == 3);
    CHECK_MESSAGE(contains(read_text(said), "computes again: "), read_text(said));
    CHECK(contains(command({"status", at.dir / "s"}).out, "out of memory"));
    CHECK(exit_code(start(call)) == 0);
    CHECK(contains(command({"status", at.dir / "s"}).out, "2 of 2 points finished"));
    REQUIRE(at.run("want").code == 0);
    CHECK(at.merged("s") == at.merged("want"));
}

TEST_CASE("the merged file says who computed, and several kinds of machine are named") {
    const SweepFixture at;
    REQUIRE(at.run("s", {"--shard", "1/2"}).code == 0);
    const auto alone = command({"merge", at.dir / "s", "-o", at.dir / "a.h5"});
    CHECK_FALSE(contains(alone.out, "several versions"));
    const std::string plain = "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2_Usable,-FMA_Usable,-AVX2,-FMA";
    CHECK(exit_code(test::start_with(
              {plain}, {"sweep", at.dir / "s.ini", "--out", at.dir / "s", "--shard", "2/2"})) == 0);
    const auto got = command({"merge", at.dir / "s", "-o", at.dir / "m.h5"});
    CHECK(got.code == 0);
    const h5::Reader file(at.dir / "m.h5");
    CHECK(file.strings("segment").size() == 2);
    const auto arithmetic = file.strings("segment_arithmetic");
    CHECK(arithmetic[0] == arithmetic_mark());
    CHECK(file.strings("segment_commit")[0] == value_of(provenance(Device::kCpu), "commit"));
    if (arithmetic[1] == arithmetic[0]) return test::skipped("this processor knows one arithmetic");
    CHECK(contains(got.out, "segments of several versions or kinds of machine"));
    CHECK(contains(got.out, "arithmetic " + arithmetic[1]));
    CHECK(contains(file.text_attribute("arithmetic"), arithmetic[0]));
    CHECK(contains(file.text_attribute("arithmetic"), arithmetic[1]));
    CHECK(contains(command({"status", at.dir / "s"}).out, "segments of several versions"));
}

TEST_CASE("a folder is of one sweep, and says how another differs") {
    const SweepFixture at;
    REQUIRE(at.run("s").code == 0);
    write_text(at.dir / "t.ini", kSpec + "beta = 0.2\n");
    const auto other = command({"sweep", at.dir / "t.ini", "--out", at.dir / "s"});
    CHECK(other.code == 2);
    CHECK(contains(other.err, "holds another sweep"));
    CHECK(contains(other.err, "+ beta = 0.2"));
    write_segment(at.dir / "s/segments/1-z-0.h5", read_spec(at.dir / "t.ini"), {});
    CHECK(contains(command({"status", at.dir / "s"}).out, "belongs to another sweep"));
    std::filesystem::create_directories(at.dir / "full");
    write_text(at.dir / "full/file", "x");
    CHECK(contains(at.run("full").err, "is not empty and holds no sweep"));
    CHECK(contains(command({"status", at.dir / "none"}).err, "no such folder"));
    CHECK(contains(command({"merge", at.dir / "full", "-o", at.dir / "m.h5"}).err, "spec.ini"));
}

TEST_CASE("an empty spec.ini is named as damaged, and written again once it is removed") {
    const SweepFixture at;
    REQUIRE(at.run("s").code == 0);
    const std::string want = at.merged("s"), spec = at.dir / "s/spec.ini";
    std::filesystem::resize_file(spec, 0);
    for (const auto& got : {at.run("s"), command({"status", at.dir / "s"}),
                            command({"merge", at.dir / "s", "-o", at.dir / "m.h5"})}) {
        CHECK(got.code == 2);
        CHECK(contains(got.err, spec + ": is damaged: it is empty"));
    }
    std::filesystem::remove(spec);
    CHECK(contains(at.run("s").out, "12 finished before, 0 now"));
    CHECK(at.merged("s") == want);
}

TEST_CASE("a flipped bit anywhere in spec.ini is named, and no segment is called foreign") {
    const SweepFixture at;
    REQUIRE(at.run("s").code == 0);
    const std::string want = at.merged("s"), path = at.dir / "s/spec.ini", whole = read_text(path);
    for (std::size_t byte = 0; byte < whole.size(); ++byte) {
        std::string flipped = whole;
        flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << (byte % 8)));
        write_text(path, flipped);
        const auto got = command({"merge", at.dir / "s", "-o", at.dir / "s.h5", "--force"});
        CHECK(got.code == 2);
        CHECK(contains(got.err, path + ": is damaged"));
        CHECK(contains(at.run("s").err, path + ": is damaged"));
    }
    CHECK(content(at.dir / "s.h5", at.spec) == want);
    std::filesystem::remove(path);
    CHECK(contains(at.run("s").out, "12 finished before, 0 now"));
    CHECK(read_text(path) == whole);
}

TEST_CASE("parameters tied to others by expressions are in the merged file") {
    const SweepFixture at(
        "dimension = 4, 8\nsamples = 2 * dimension\nheld-out = 0.25 * samples\n"
        "beta = 0.2\neta-kappa = beta + 0.1\nsteps = 2\nrecords = 2\nclaims = T1\n");
    REQUIRE(at.run("s").code == 0);
    at.merged("s");
    const h5::Reader file(at.dir / "s.h5");
    CHECK(file.numbers("samples") == std::vector<double>{8.0, 16.0});
    CHECK(file.numbers("held_out") == std::vector<double>{2.0, 4.0});
    CHECK(!file.has_dataset("eta_kappa"));  // follows what no axis changes
}

TEST_CASE("what follows from several axes lies along them all") {
    const SweepFixture at(
        "dimension = 2, 3\nbeta = 0.1, 0.2, 0.4\nreplicates = 2\ndelta = 0.25\n"
        "steps = 4 * delta\nsamples = 10 * dimension + 100 * beta * steps\nrecords = 2\n");
    REQUIRE(at.run("s").code == 0);
    at.merged("s");
    const h5::Reader file(at.dir / "s.h5");
    CHECK(file.numbers("samples") == std::vector<double>{30.0, 40.0, 60.0, 40.0, 50.0, 70.0});
    CHECK(!file.has_dataset("steps"));
}

TEST_CASE("of an expression that has no allowed value somewhere the others are there") {
    const SweepFixture at("dimension = 2, 3\nbeta = dimension - 2\nsteps = 2\nrecords = 2\n");
    REQUIRE(at.run("s").code == 2);
    at.merged("s");
    const h5::Reader file(at.dir / "s.h5");
    CHECK(std::isnan(file.numbers("beta")[0]));
    CHECK(file.numbers("beta")[1] == 1.0);
    CHECK(file.numbers("point_status") == std::vector<double>{2.0, 1.0});
}

TEST_CASE("an expression that follows a drawn parameter has a value a design point") {
    const SweepFixture at(
        "design = random\npoints = 5\nsamples = integers(10, 30)\n"
        "dimension = 0.5 * samples\nsteps = 1\nrecords = 2\nclaims = T1\n");
    REQUIRE(at.run("s").code == 0);
    at.merged("s");
    const h5::Reader file(at.dir / "s.h5");
    const auto samples = file.numbers("samples"), dimension = file.numbers("dimension");
    REQUIRE(dimension.size() == 5);
    for (std::size_t k = 0; k < 5; ++k) CHECK(dimension[k] == std::round(0.5 * samples[k]));
}

TEST_CASE("bad arguments of sweep, shards and sizes") {
    const SweepFixture at;
    for (const char* shard : {"5/4", "0/4", "3", "1/0", "a/b", "-1/2", "1/2/3"}) {
        const auto got = at.run("s", {"--shard", shard});
        CHECK(got.code == 2);
        CHECK(contains(got.err, std::string("shard: '") + shard + "' is not I/N"));
    }
    CHECK(contains(command({"sweep", "--out", at.dir / "s"}).err, "missing option --spec"));
    CHECK(contains(command({"sweep", at.dir / "s.ini"}).err, "missing option --out"));
    CHECK(
        contains(command({"sweep", at.dir / "s.ini", "more"}).err, "'more' belongs to no option"));
    write_text(at.dir / "big.ini", "beta = linspace(1, 2, 2000)\nreplicates = 1000\n");
    const auto big = command({"sweep", at.dir / "big.ini", "--out", at.dir / "b"});
    CHECK(big.code == 2);
    CHECK(contains(big.err, "2000000 points"));
    CHECK(!std::filesystem::exists(at.dir / "b"));
    const auto dry = at.run("dry", {"--dry-run"});
    CHECK(dry.code == 0);
    CHECK(contains(dry.out, "12 points (3 distinguishability x 2 samples x 2 replicates)"));
    CHECK(contains(dry.out, "bytes a point"));
    CHECK(!std::filesystem::exists(at.dir / "dry"));
}

namespace {

/// Long enough to be killed several times.
const std::string kLongSpec =
    "distinguishability = linspace(0.1, 4, 40)\nsamples = 400\ndimension = 64\n"
    "steps = 2000\nrecords = 3\nreplicates = 5\nclaims = T1\n";

}  // namespace

namespace {

std::size_t segments_of(const std::string& folder) {
    return std::filesystem::exists(folder + "/segments") ? find_segments(folder).files.size() : 0;
}

/// Until there are more than `before`, a minute at most.
void wait_for_segment(const std::string& folder, std::size_t before) {
    for (int k = 0; k < 60000 && segments_of(folder) <= before; ++k)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// The environment variable while it lives.
struct PublishEvery {
    explicit PublishEvery(const char* seconds) { setenv("PREFDYN_PUBLISH_SECONDS", seconds, 1); }
    ~PublishEvery() { unsetenv("PREFDYN_PUBLISH_SECONDS"); }
};

}  // namespace

TEST_CASE("killed at random moments and started again, a sweep ends as if nothing had happened") {
    const SweepFixture at(kLongSpec);
    REQUIRE(at.run("want").code == 0);
    const std::string want = at.merged("want");
    const std::vector<std::string> call = {"sweep", at.dir / "s.ini", "--out", at.dir / "killed"};
    Stream stream(test::seed(), Purpose::kSuite, 900);
    const PublishEvery often("0.005");  // so that kills meet publications
    const int kills = test::kSanitized ? 5 : 30;
    int killed = 0, left_more = 0;
    for (int k = 0; k < kills; ++k) {
        const std::size_t before = segments_of(at.dir / "killed");
        const pid_t child = start(call);
        if (k % 8 == 1) wait_for_segment(at.dir / "killed", before);
        std::this_thread::sleep_for(std::chrono::milliseconds(stream() % 150));
        const bool hard = k % 4 != 3;
        kill(child, hard ? SIGKILL : SIGTERM);
        const int code = exit_code(child);
        killed += code == -SIGKILL ? 1 : 0;
        left_more += code == -SIGKILL && segments_of(at.dir / "killed") > before ? 1 : 0;
    }
    CHECK(2 * killed > kills);
    CHECK(left_more > 0);  // finished points outlive kill -9
    CHECK(exit_code(start(call)) == 0);
    CHECK(at.merged("killed") == want);
}

TEST_CASE("groups that are stopped leave whole points, and the rest is computed later") {
    const SweepFixture at(kLongSpec);
    REQUIRE(at.run("want").code == 0);
    const std::string folder = at.dir / "s";
    prepare_folder(folder, at.spec);
    RunPlan plan;
    plan.group = 7;
    plan.publish_seconds = plan.most_publish_seconds = 0.0;
    std::thread stopper([&] {
        wait_for_segment(folder, 0);
        cancel_flag = true;
    });
    const SweepCount stopped = run_shard(at.spec, folder, {1, 1}, plan);
    stopper.join();
    cancel_flag = false;
    CHECK(stopped.interrupted);
    CHECK(stopped.done > 0);
    CHECK(stopped.done < at.spec.size());
    const SweepCount rest = run_shard(at.spec, folder, {1, 1}, plan);
    CHECK_FALSE(rest.interrupted);
    CHECK(rest.found == stopped.done);
    CHECK(rest.done == at.spec.size() - stopped.done);
    CHECK(at.merged("s") == at.merged("want"));
}

TEST_CASE("a stop does not wait for a point that takes long") {
    for (const int number : {SIGTERM, SIGUSR1}) {
        const SweepFixture at(
            "samples = 20, 3000\ndimension = 3000\nspectrum = power-law\nsteps = 10\n"
            "records = 2\nclaims = T1\n");
        const std::string folder = at.dir / "s", said = at.dir / "said.txt";
        const pid_t child = start_program(
            "/bin/sh", {"-c", "exec \"$0\" sweep \"$1\" --out \"$2\" --threads 1 > \"$3\"",
                        PREFDYN_EXECUTABLE, at.dir / "s.ini", folder, said});
        std::this_thread::sleep_for(std::chrono::milliseconds(test::kSanitized ? 10000 : 3000));
        const auto before = std::chrono::steady_clock::now();
        REQUIRE(waitpid(child, nullptr, WNOHANG) == 0);
        kill(child, number);
        CHECK(exit_code(child) == 130);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
        CHECK(took.count() < (test::kSanitized ? 20.0 : 2.5));  // 2 s and what a busy machine adds
        CHECK(contains(read_text(said), "interrupted: 2 points in shard 1/1, 0 finished before, "));
        CHECK(folder_state(folder, at.spec).damaged.empty());
        CHECK(find_segments(folder).unfinished == 0);
    }
}

TEST_CASE("the estimate is of one thread, whatever the threads and the other work") {
    const SweepFixture at(kLongSpec);
    double seconds[2];
    for (const int k : {0, 1}) {
        const test::Threads threads(k == 0 ? 1 : 8);
        const SweepEstimate e = estimate(at.spec, Device::kCpu, 5.0);
        CHECK(omp_get_max_threads() == (k == 0 ? 1 : 8));
        CHECK(e.tried == 16);
        seconds[k] = e.seconds_a_point;
    }
    CHECK(seconds[0] > 0.0);
    CHECK(std::fabs(std::log(seconds[1] / seconds[0])) < std::log(2.0));
}

TEST_CASE("workers that start at the same moment share a new folder") {
    const SweepFixture at;
    REQUIRE(at.run("want").code == 0);
    std::vector<pid_t> workers;
    for (int k = 1; k <= 8; ++k)
        workers.push_back(start({"sweep", at.dir / "s.ini", "--out", at.dir / "s", "--shard",
                                 std::to_string(k) + "/8"}));
    for (const pid_t worker : workers) CHECK(exit_code(worker) == 0);
    CHECK(at.merged("s") == at.merged("want"));
}

TEST_CASE("SIGTERM and SIGUSR1 stop a sweep within two seconds, with what is finished on disk") {
    const SweepFixture at(kLongSpec);
    for (const int number : {SIGTERM, SIGUSR1}) {
        const std::string folder = at.dir / std::to_string(number);
        const auto begin = std::chrono::steady_clock::now();
        const pid_t child = start({"sweep", at.dir / "s.ini", "--out", folder, "--threads", "1"});
        std::this_thread::sleep_for(std::chrono::milliseconds(test::kSanitized ? 3000 : 600));
        const auto before = std::chrono::steady_clock::now();
        kill(child, number);
        CHECK(exit_code(child) == 130);
        const auto end = std::chrono::steady_clock::now();
        const std::chrono::duration<double> took = end - before, all = end - begin;
        CHECK(took.count() < (test::kSanitized ? 20.0 : 2.0));
        const auto segments = find_segments(folder).files.size();
        CHECK(segments >= 1);
        CHECK(static_cast<double>(segments) <= 1.0 + std::floor(all.count() / 2.0));
        CHECK(folder_state(folder, at.spec).finished > 0);
    }
}

TEST_CASE("a full disk is an error that says so and loses nothing published") {
    const SweepFixture at(kLongSpec);
    const std::string folder = at.dir / "s";
    REQUIRE(at.run("s", {"--shard", "1/4"}).code == 0);
    const std::string before = at.merged("s");
    const std::string said = at.dir / "said";
    const auto start_time = std::chrono::steady_clock::now();
    CHECK(exit_code(test::start_limited({"sweep", at.dir / "s.ini", "--out", folder}, 8, said)) ==
          3);
    CHECK(std::chrono::steady_clock::now() - start_time < std::chrono::seconds(30));
    CHECK(contains(read_text(said), "finished points wait"));
    CHECK(contains(read_text(said), "finished points are lost with it"));
    CHECK(find_segments(folder).unfinished == 0);
    CHECK(at.merged("s") == before);
    CHECK(exit_code(start({"sweep", at.dir / "s.ini", "--out", folder})) == 0);
    CHECK(folder_state(folder, at.spec).finished == 200);
}
