// The commands finetune and misalign, from arguments to files: killed, stopped, without room, and
// with what cannot be used.
#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "experiments/finetune/run_file.hpp"
#include "experiments/program/usage.hpp"
#include "sim/base/arithmetic.hpp"
#include "tests/support/finetune_support.hpp"
#include "tests/support/process_support.hpp"

using namespace prefdyn;
using test::contains;
using test::exit_code;
using test::FinetuneFixture;

namespace {

namespace fs = std::filesystem;

void sleep_ms(std::uint64_t count) {
    std::this_thread::sleep_for(std::chrono::milliseconds(count));
}

/// Whether a saved state lies in the folder or beside the file.
bool state_at(const std::string& out) {
    const bool folder = fs::is_directory(out);
    const fs::path where = folder ? fs::path(out) : fs::path(out).parent_path();
    if (!fs::exists(where)) return false;
    for (const auto& entry : fs::directory_iterator(where)) {
        const std::string name = entry.path().filename().string();
        if (contains(name, "state-") && name.ends_with(".safetensors") &&
            (folder || name.starts_with(fs::path(out).filename().string())))
            return true;
    }
    return false;
}

bool partial_below(const std::string& folder) {
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.path().extension() == ".partial") return true;
    return false;
}

/// Waits for the first state, then a little.
void wait_for_state(const std::string& out, std::uint64_t more) {
    for (int k = 0; k < 30000 && !state_at(out); ++k) sleep_ms(1);
    sleep_ms(more);
}

struct Case {
    std::vector<std::string> call;  ///< without --out
    std::string out;                ///< below the fixture's folder
};

/// Long enough to be killed eight times before they end.
std::vector<Case> long_calls(const FinetuneFixture& at) {
    auto apart = at.finetune({"--method", "lora", "--rank", "2", "--arrange", "apart", "--steps",
                              "300", "--records", "21"});
    apart.insert(std::ranges::find(apart, "--bos"), at.dir / "e.jsonl");
    return {
        {at.finetune({"--steps", "450", "--records", "31", "--save-every", "5"}), "run"},
        {apart, "apart"},
        {at.misalign(at.aligned(), {"--seeds", "3", "--steps", "60", "--records", "11"}), "m.h5"}};
}

std::vector<std::string> with_out(std::vector<std::string> call, const std::string& out) {
    call.insert(call.end(), {"--out", out});
    return call;
}

/// Runs it to its end.
void finish(const std::vector<std::string>& call, const std::string& out) {
    const auto got = test::command(with_out(call, out));
    REQUIRE_MESSAGE(got.code == 0, got.err);
}

}  // namespace

TEST_CASE("killed at random moments and started again, training ends as if nothing had happened") {
    const FinetuneFixture at;
    Stream stream(test::seed(), Purpose::kSuite, 910);
    for (const Case& each : long_calls(at)) {
        const std::string want = (fs::path(at.dir / "want") / each.out).string(),
                          out = (fs::path(at.dir / "killed") / each.out).string();
        finish(each.call, want);
        int killed = 0, with_state = 0;
        for (int k = 0; k < (test::kSanitized ? 3 : 8); ++k) {
            const pid_t child = test::start(with_out(each.call, out));
            if (k % 2 == 0) wait_for_state(out, stream() % 40);
            sleep_ms(stream() % 60);
            kill(child, SIGKILL);
            killed += exit_code(child) == -SIGKILL ? 1 : 0;
            with_state += state_at(out) ? 1 : 0;
        }
        CHECK(killed >= 3);
        CHECK(with_state >= 3);
        CHECK(exit_code(test::start(with_out(each.call, out))) == 0);
        test::check_same_files(want, out);
        CHECK_FALSE(state_at(out));
    }
    CHECK_FALSE(partial_below(at.dir / "killed"));
}

TEST_CASE("SIGTERM ends training with 130, and the same call goes on to the same bits") {
    const FinetuneFixture at;
    for (const Case& each : long_calls(at)) {
        const std::string want = (fs::path(at.dir / "want") / each.out).string(),
                          out = (fs::path(at.dir / "stopped") / each.out).string();
        finish(each.call, want);
        const std::string said = at.dir / "said.txt";
        const pid_t child = test::start(with_out(each.call, out), said);
        wait_for_state(out, 20);
        kill(child, SIGTERM);
        CHECK(exit_code(child) == 130);
        CHECK(contains(test::read_text(said), "interrupted"));
        CHECK(state_at(out));
        CHECK_FALSE(partial_below(at.dir / "stopped"));
        CHECK(exit_code(test::start(with_out(each.call, out))) == 0);
        test::check_same_files(want, out);
        CHECK_FALSE(state_at(out));
        fs::remove(said);
    }
}

TEST_CASE("killed between the model and the results, a run goes on although a model lies there") {
    const FinetuneFixture at;
    const Case each = long_calls(at)[0];
    const std::string want = at.dir / "want", out = at.dir / "run";
    REQUIRE(exit_code(test::start(with_out(each.call, want))) == 0);
    const pid_t child = test::start(with_out(each.call, out));
    wait_for_state(out, 0);
    kill(child, SIGKILL);
    REQUIRE(exit_code(child) == -SIGKILL);
    for (const char* name : {"/config.json", "/model.safetensors"})
        fs::copy(want + name, out + name);
    CHECK(exit_code(test::start(with_out(each.call, out))) == 0);
    test::check_same_files(want, out);
}

TEST_CASE("a folder with results, with a model, or the model's own is not written over") {
    const FinetuneFixture at;
    const auto call = at.finetune({"--steps", "2", "--records", "2"});
    const auto refused = [&](const std::string& out) {
        const auto got = test::command(with_out(call, out));
        CHECK(got.code == 2);
        return got.err;
    };
    const std::string out = at.dir / "run", model = test::read_text(at.dir / "model/config.json");
    REQUIRE(test::command(with_out(call, out)).code == 0);
    auto others = with_out(at.finetune({"--steps", "3", "--records", "2"}), out);
    CHECK(contains(test::command(others).err, "run.h5: is there already"));
    fs::remove(out + "/run.h5");
    CHECK(contains(refused(out), "holds a model"));
    CHECK(contains(refused(at.dir / "model"), "is the folder of --model"));
    CHECK(contains(refused(at.dir / "d.jsonl"), "is no folder"));
    auto forced = with_out(call, at.dir / "model");
    forced.emplace_back("--force");
    CHECK(test::command(forced).code == 2);
    CHECK(test::read_text(at.dir / "model/config.json") == model);
    auto lora = with_out(at.finetune({"--steps", "2", "--method", "lora", "--force"}), out);
    REQUIRE(test::command(lora).code == 0);
    CHECK_FALSE(fs::exists(out + "/model.safetensors"));  // an adapter and a model: which is it?
    CHECK(fs::exists(out + "/adapter_model.safetensors"));
    const std::string weights = test::read_text(at.dir / "model/model.safetensors");
    const auto over_base = test::command({"finetune", "--model", out, "--data", at.dir / "d.jsonl",
                                          "--steps", "1", "--out", at.dir / "model", "--force"});
    CHECK(over_base.code == 2);
    CHECK_MESSAGE(contains(over_base.err, "is the folder of the adapter's base model"),
                  over_base.err);
    CHECK(test::read_text(at.dir / "model/model.safetensors") == weights);
}

TEST_CASE("finished training called again ends with 0 and says so, however it is spelt") {
    const FinetuneFixture at;
    const auto short_call = [&](const std::string& data) {
        auto call = at.finetune({"--steps", "2", "--records", "2"});
        *(std::ranges::find(call, at.dir / "d.jsonl")) = data;
        return call;
    };
    const std::string out = at.dir / "run";
    REQUIRE(test::command(with_out(short_call(at.dir / "d.jsonl"), out)).code == 0);
    const std::string model = test::read_text(out + "/model.safetensors");
    fs::create_directory_symlink(at.dir / "model", at.dir / "link");
    fs::copy(at.dir / "d.jsonl", at.dir / "copy.jsonl");
    for (const std::string& place : {out, out + "/", out + "/../run"})
        for (const std::string& data : {at.dir / "d.jsonl", at.dir / "copy.jsonl"}) {
            auto call = with_out(short_call(data), place);
            *(std::ranges::find(call, at.dir / "model")) = at.dir / "link";
            const auto got = test::command(call);
            CHECK_MESSAGE(got.code == 0, got.err);
            CHECK(contains(got.out, "nothing to do: the same training is finished"));
        }
    CHECK(test::read_text(out + "/model.safetensors") == model);
    fs::remove(out + "/model.safetensors");
    fs::remove(out + "/config.json");
    CHECK(test::command(with_out(short_call(at.dir / "d.jsonl"), out)).code == 2);
    const auto compare =
        with_out(at.misalign(at.aligned(), {"--seeds", "1", "--steps", "2", "--records", "2"}),
                 at.dir / "m.h5");
    REQUIRE(test::command(compare).code == 0);
    const auto again = test::command(compare);
    CHECK(again.code == 0);
    CHECK(contains(again.out, "nothing to do"));
}

TEST_CASE("training goes on under another spelling, in a moved folder, and with a linked model") {
    const FinetuneFixture at;
    const Case each = long_calls(at)[0];
    const std::string want = at.dir / "want", out = at.dir / "run", moved = at.dir / "elsewhere";
    finish(each.call, want);
    const pid_t child = test::start(with_out(each.call, out));
    wait_for_state(out, 0);
    kill(child, SIGTERM);
    REQUIRE(exit_code(child) == 130);
    fs::rename(out, moved);
    fs::create_directory_symlink(at.dir / "model", at.dir / "link");
    auto call = with_out(each.call, moved + "/./");
    *(std::ranges::find(call, at.dir / "model")) = at.dir / "link";
    const auto got = test::command(call);
    CHECK_MESSAGE(got.code == 0, got.err);
    test::check_same_files(want, moved);
}

TEST_CASE("another kind of machine does not go on with training") {
    const FinetuneFixture at;
    const Case each = long_calls(at)[0];
    const std::string out = at.dir / "run", said = at.dir / "said";
    const pid_t child = test::start(with_out(each.call, out));
    wait_for_state(out, 0);
    kill(child, SIGKILL);
    REQUIRE(exit_code(child) == -SIGKILL);
    const std::string plain = "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2_Usable,-FMA_Usable,-AVX2,-FMA";
    const std::string other = at.dir / "other.h5";
    REQUIRE(exit_code(test::start_with({plain}, {"simulate", "--samples", "20", "--dimension", "4",
                                                 "--steps", "2", "--out", other})) == 0);
    if (test::text_attribute(other, "/", "arithmetic") == arithmetic_mark())
        return test::skipped("this processor knows one arithmetic");
    CHECK(exit_code(test::start_with({plain}, with_out(each.call, out), said)) == 2);
    CHECK(contains(test::read_text(said), "belongs to another run: arithmetic="));
}

TEST_CASE("the memory stated before a run is what it takes") {
    if (test::kSanitized) {
        MESSAGE("skipped: sanitizers take memory of their own");
        return;
    }
    const FinetuneFixture at;
    test::SmallModel wide;
    wide.vocabulary = 258;
    wide.context = 24;
    wide.hidden = 512;
    wide.ffn = 1376;
    wide.heads = wide.kv_heads = 8;
    wide.head_size = 64;
    test::write_checkpoint(at.dir / "model", wide, test::random_weights(wide, 6));
    const double mapped =
        static_cast<double>(fs::file_size(at.dir / "model/model.safetensors")) / 1048576.0;
    for (const auto& method : {"full", "lora"}) {
        auto call = with_out(at.finetune({"--method", method, "--steps", "3"}), at.dir / method);
        call.emplace_back("--dry-run");
        const std::string said = test::command(call).out, before = "mapped file: ";
        const double stated = std::stod(said.substr(said.find(before) + before.size()));
        call.pop_back();
        malloc_trim(0);
        forget_peak();
        const double start = peak_resident_mib();
        REQUIRE(test::command(call).code == 0);
        const double taken = peak_resident_mib() - start;
        CAPTURE(method);
        CAPTURE(mapped);
        CHECK(taken < 1.05 * (stated + mapped) + 16.0);  // MiB of code and of the allocator
        CHECK(taken > 0.5 * stated);
    }
}

TEST_CASE(
    "claims of a file are judged on every part: exit 1 for a violated one, again when asked") {
    const FinetuneFixture at;
    const std::string out = at.dir / "judged", file = at.dir / "mine.claim";
    const auto call = [&](const std::string& claim) {
        test::write_bytes(file, "[X1]\ntitle = mine\nclaim = " + claim + "\n");
        return test::command(
            with_out(at.finetune({"--steps", "6", "--records", "3", "--claim-file", file}), out));
    };
    const auto holds = call("share(m > 0) >= 1 - loss / log(2)");
    CHECK_MESSAGE(holds.code == 0, holds.err);
    CHECK(contains(holds.out, "X1    mine"));
    {
        const h5::Reader run(out + "/run.h5");
        CHECK(run.strings("claim") == std::vector<std::string>{"X1"});
        CHECK(run.strings("claim_status") == std::vector<std::string>{"holds"});
        CHECK(run.numbers("verdict_status").size() == 1);
        CHECK(run.numbers("claim_violated") == std::vector<double>{0.0});
    }
    CHECK(contains(call("share(m > 0) >= 1 - loss / log(2)").out, "nothing to do"));
    // Another claim is another task.
    CHECK(call("end: loss >= log(2)").code == 2);
    fs::remove_all(out);
    const auto violated = call("end: loss >= log(2)");
    CHECK(violated.code == 1);
    CHECK(contains(violated.out, "violated: X1"));
    const auto again = call("end: loss >= log(2)");
    CHECK(again.code == 1);
    CHECK(contains(again.out, "a claim is VIOLATED"));
    fs::remove_all(out);
    const auto built_in = test::command(
        with_out(at.finetune({"--steps", "6", "--records", "3", "--claims", "T15,T6b,T2a"}), out));
    CHECK_MESSAGE(built_in.code == 0, built_in.err);
    {
        const h5::Reader run(out + "/run.h5");
        CHECK(run.strings("claim") == std::vector<std::string>{"T2a", "T6b", "T15"});
        CHECK(run.strings("claim_status") ==
              std::vector<std::string>{"not_applicable", "holds", "holds"});
    }
    CHECK(contains(test::command(with_out(at.finetune({"--claims", "T99"}), out)).err, "T99"));
    // An f-divergence makes another loss of the same name.
    fs::remove_all(out);
    test::write_bytes(file, "[X1]\nneeds = loss sigmoid\nclaim = loss == mean(softplus(-m))\n");
    const auto divergence =
        test::command(with_out(at.finetune({"--steps", "6", "--records", "3", "--claim-file", file,
                                            "--f-divergence-type", "forward_kl"}),
                               out));
    CHECK_MESSAGE(divergence.code == 0, divergence.err);
    CHECK(contains(divergence.out, "the loss is sigmoid of forward_kl"));
    const std::string compared = at.dir / "m.h5";
    const auto misalign = [&](const std::string& claim) {
        test::write_bytes(file, "[X1]\ntitle = mine\nclaim = " + claim + "\n");
        return test::command(
            with_out(at.misalign(at.aligned(), {"--seeds", "1", "--steps", "4", "--records", "2",
                                                "--claims", "T6b,X1", "--claim-file", file}),
                     compared));
    };
    const auto both = misalign("loss >= softplus(-mean(m))");
    CHECK_MESSAGE(both.code == 0, both.err);
    CHECK(h5::Reader(compared).strings("claim_status") ==
          std::vector<std::string>{"holds", "holds"});
    CHECK(h5::Reader(compared).numbers("verdict_status").size() == 10);
    fs::remove(compared);
    CHECK(misalign("end: loss >= 100").code == 1);
    CHECK(contains(misalign("end: loss >= 100").out, "a claim is VIOLATED"));
    const auto wrong = call("losss <= 1");
    CHECK(wrong.code == 2);
    CHECK(contains(wrong.err, "did you mean loss"));
}
