// Two writers of one name, what died processes left, and disks that fail late.
#include "experiments/results/publish.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "experiments/results/folder_lock.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/base/output_file.hpp"
#include "tests/support/finetune_support.hpp"
#include "tests/support/process_support.hpp"

using namespace prefdyn;
using test::contains;
using test::exit_code;
using test::TemporaryDirectory;

namespace {

namespace fs = std::filesystem;

std::size_t files_in(const std::string& folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

void write(const std::string& path, const std::string& text) {
    publish_file(path, [&](const std::string& partial) { write_file(partial, text); });
}

/// Every command that writes, with --out last; its result.
std::vector<std::vector<std::string>> writing_calls(const test::FinetuneFixture& at) {
    const std::string spec = at.dir / "s.ini", swept = at.dir / "swept",
                      turns = at.dir / "turns.jsonl";
    test::write_bytes(spec, "samples = 20, 30\ndimension = 4\nsteps = 4\nrecords = 2\n");
    test::write_bytes(turns, R"({"chosen": "\n\nHuman: a\n\nAssistant: b", )"
                             R"("rejected": "\n\nHuman: a\n\nAssistant: c"})"
                             "\n");
    REQUIRE(test::command({"sweep", spec, "--out", swept}).code == 0);
    auto train = at.finetune({"--steps", "2", "--records", "2", "--out"});
    train.push_back(at.dir / "new/run");
    auto compare = at.misalign(at.aligned(), {"--seeds", "1", "--steps", "2", "--out"});
    compare.push_back(at.dir / "new/m.h5");
    return {{"simulate", "--samples", "20", "--dimension", "4", "--out", at.dir / "new/s.h5"},
            {"falsify", "--claim", "T2b", "--budget", "20", "--threads", "1", "--out",
             at.dir / "new/f.h5"},
            {"embed", "--model", at.dir / "model", "--data", at.dir / "d.jsonl", "--out",
             at.dir / "new/e.h5"},
            {"merge", swept, "--out", at.dir / "new/merged.h5"},
            {"dialogues", turns, "--out", at.dir / "new/d.jsonl"},
            {"sweep", spec, "--out", at.dir / "new/sweep"},
            train,
            compare};
}

bool partial_below(const std::string& folder) {
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.path().extension() == ".partial") return true;
    return false;
}

}  // namespace

TEST_CASE("two that publish under one name: the last wins whole") {
    const TemporaryDirectory dir;
    const std::string path = dir / "x";
    publish_file(path, [&](const std::string& partial) {
        write_file(partial, "outer");
        write(path, "inner, longer");
        CHECK(test::read_text(path) == "inner, longer");
    });
    CHECK(test::read_text(path) == "outer");
    CHECK(files_in(dir / "") == 1);
}

TEST_CASE("two commands with one --out leave one result, and both end well") {
    const TemporaryDirectory dir;
    const std::string path = dir / "x.h5";
    for (int k = 0; k < 10; ++k) {
        const std::vector<std::string> call = {"simulate", "--samples", "20",    "--dimension",
                                               "4",        "--force",   "--out", path};
        const pid_t first = test::start(call), second = test::start(call);
        CHECK(exit_code(first) == 0);
        CHECK(exit_code(second) == 0);
        CHECK(h5::Reader(path).shape("loss").size() == 2);
        CHECK(files_in(dir / "") == 1);
    }
}

TEST_CASE("what a process of this host left when it died is removed, of a live one it stays") {
    const TemporaryDirectory dir;
    const std::string path = dir / "x", left = dir / "left";
    const pid_t child = fork();
    if (child == 0) {
        std::ofstream(left) << partial_name(path);
        std::ofstream(partial_name(path)) << "half";
        _exit(0);
    }
    REQUIRE(exit_code(child) == 0);
    const std::string mine = partial_name(path);
    write_file(mine, "of a process that runs");
    write_file(dir / "x.more.partial", "of nobody here");
    REQUIRE(files_in(dir / "") == 4);
    write(path, "whole");
    CHECK(files_in(dir / "") == 4);  // with `left`, without the dead one's
    CHECK(fs::exists(mine));
    CHECK(fs::exists(dir / "x.more.partial"));
}

TEST_CASE("a folder that one process writes to is refused to another") {
    const TemporaryDirectory dir;
    const FolderLock lock(dir / "f");
    CHECK(contains(test::input_error([&] { FolderLock second(dir / "f"); }), "another process"));
}

TEST_CASE("misalign keeps its file to itself, and leaves no lock behind") {
    const test::FinetuneFixture at;
    const std::string out = at.dir / "m.h5";
    const auto call =
        at.misalign(at.aligned(), {"--seeds", "1", "--steps", "2", "--records", "2", "--out", out});
    {
        const FileLock lock(out);
        const auto second = test::command(call);
        CHECK(second.code == 2);
        CHECK(contains(second.err, "m.h5.lock: is in use by another process"));
        CHECK_FALSE(fs::exists(out));
    }
    CHECK_FALSE(fs::exists(out + ".lock"));
    write_file(out + ".lock", "");  // as a killed process leaves it
    CHECK(test::command(call).code == 0);
    CHECK_FALSE(fs::exists(out + ".lock"));
}

TEST_CASE("a disk that fails at the last flush or at closing is a failure of every command") {
    if (test::kSanitized)
        return test::skipped("sanitizers take the calls that the disk would fail");
    const test::FinetuneFixture at;
    const auto calls = writing_calls(at);
    for (const char* failing : {"fsync", "write"})
        for (const auto& call : calls) {
            CAPTURE(failing);
            CAPTURE(call[0]);
            fs::remove_all(at.dir / "new");
            fs::create_directory(at.dir / "new");
            const std::string said = at.dir / "said";
            fs::remove(said);
            const int code =
                exit_code(test::start_failing(call, {failing, "*.partial", "/"}, said));
            CHECK(code == 3);
            CHECK_MESSAGE(contains(test::read_text(said), "No space left on device"),
                          test::read_text(said));
            CHECK_FALSE(partial_below(at.dir / "new"));
            if (!fs::is_directory(call.back())) CHECK_FALSE(fs::exists(call.back()));
        }
}

TEST_CASE("a file that cannot be made for want of room is the machine's failure, else bad input") {
    for (const int error : {ENOSPC, EDQUOT, EFBIG, EIO, EMFILE})
        CHECK_THROWS_AS(throw_file_error("x", error), WriteError);
    for (const int error : {EACCES, ENOENT, EROFS, ENAMETOOLONG})
        CHECK_THROWS_AS(throw_file_error("x", error), InputError);
}

TEST_CASE("a folder that cannot be forced to the disk, and a file that cannot be closed") {
    if (test::kSanitized)
        return test::skipped("sanitizers take the calls that the disk would fail");
    const TemporaryDirectory dir;
    fs::create_directory(dir / "place");
    const std::vector<std::string> call = {"simulate", "--samples",       "20", "--dimension", "4",
                                           "--out",    dir / "place/x.h5"};
    CHECK(exit_code(test::start_failing(call, {"fsync", "*/place", "/"})) == 3);
    fs::remove(dir / "place/x.h5");
    CHECK(exit_code(test::start_failing(call, {"close", "*.partial", "/"})) == 3);
    CHECK(fs::is_empty(dir / "place"));
    CHECK(exit_code(test::start(call)) == 0);
}

TEST_CASE("a sweep waits for room, says so, and loses nothing") {
    if (test::kSanitized)
        return test::skipped("sanitizers take the calls that the disk would fail");
    const TemporaryDirectory dir;
    test::write_bytes(dir / "s.ini",
                      "samples = 20, 30, 40\ndimension = 4\nsteps = 4\nrecords = 2\n");
    test::write_bytes(dir / "full", "");
    const std::string said = dir / "said";
    const pid_t child = test::start_failing({"sweep", dir / "s.ini", "--out", dir / "s"},
                                            {"write", "*/segments/*", dir / "full"}, said);
    for (int k = 0; k < 600 && !contains(test::read_text(said), "wait"); ++k)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    fs::remove(dir / "full");
    CHECK(exit_code(child) == 0);
    CHECK(contains(test::read_text(said), "3 finished points wait, tried again for 10 s"));
    CHECK(contains(test::command({"status", dir / "s"}).out, "3 of 3 points finished"));
}
