// The commands finetune and misalign, from arguments to files: killed, stopped, without room, and
// with what cannot be used.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "experiments/finetune/run_file.hpp"
#include "tests/finetune_support.hpp"
#include "tests/process_support.hpp"

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

/// Long enough to be killed several times.
std::vector<Case> long_calls(const FinetuneFixture& at) {
    auto apart = at.finetune({"--method", "lora", "--rank", "2", "--arrange", "apart", "--steps",
                              "200", "--records", "21"});
    apart.insert(std::ranges::find(apart, "--bos"), at.dir / "e.jsonl");
    return {
        {at.finetune({"--steps", "300", "--records", "31", "--save-every", "5"}), "run"},
        {apart, "apart"},
        {at.misalign(at.aligned(), {"--seeds", "3", "--steps", "40", "--records", "11"}), "m.h5"}};
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
    const auto call = at.finetune({"--steps", "20", "--records", "3"});
    const std::string want = at.dir / "want", out = at.dir / "run";
    REQUIRE(test::command(with_out(call, want)).code == 0);
    cancel_flag = true;
    CHECK(test::command(with_out(call, out)).code == 130);
    cancel_flag = false;
    const pid_t child =
        test::start(with_out(at.finetune({"--steps", "20", "--records", "3"}), out));
    CHECK(exit_code(child) == 0);
    // As if the power had failed before the results were written.
    fs::remove(out + "/run.h5");
    const auto refused = test::command(with_out(call, out));
    CHECK(refused.code == 2);
    CHECK(contains(refused.err, "holds a model"));
    test::write_bytes(out + "/state-0.safetensors", test::read_text(out + "/model.safetensors"));
    const auto damaged = test::command(with_out(call, out));
    CHECK(damaged.code == 2);
    CHECK(contains(damaged.err, "state-0.safetensors: 'identity' is not what a saved run has"));
    fs::remove(out + "/state-0.safetensors");
    CHECK(test::command(with_out(at.finetune({"--steps", "20", "--records", "3", "--force"}), out))
              .code == 0);
    test::check_same_files(want, out);
}
