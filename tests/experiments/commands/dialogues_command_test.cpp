// The command dialogues, from arguments to files.
#include <doctest/doctest.h>

#include <sstream>

#include "experiments/commands/commands.hpp"
#include "sim/base/cancel.hpp"
#include "sim/lm/text/preferences.hpp"
#include "sim/lm/text/text_file.hpp"
#include "tests/support/npy_support.hpp"
#include "tests/support/process_support.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;

namespace {

struct Outcome {
    int code;
    std::string out, err;
};

Outcome dialogues(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "dialogues");
    std::ostringstream out, err;
    const int code = run_command(arguments, out, err);
    return {code, out.str(), err.str()};
}

std::ptrdiff_t files_in(const std::string& folder) {
    return std::distance(std::filesystem::directory_iterator(folder),
                         std::filesystem::directory_iterator());
}

const std::string kGood =
    R"({"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"})"
    "\n";
const std::string kBad = R"({"chosen": "\n\nAssistant: b", "rejected": "c"})"
                         "\n";

}  // namespace

TEST_CASE("dialogues makes a file that the reader of preferences takes") {
    const test::TemporaryDirectory dir;
    test::write_bytes(dir / "in.jsonl", kGood + kGood);
    const std::string made = dir / "new/out.jsonl";
    const Outcome got = dialogues({dir / "in.jsonl", "--out", made});
    CHECK(got.err.empty());
    CHECK(got.code == 0);
    CHECK(got.out == "wrote 2 pairs to " + made + "\n");
    const auto data = text::read_preferences(made).at(0);
    REQUIRE(data.lines.size() == 2);
    CHECK(data.lines[1].prompt == "\n\nHuman: a\n\nAssistant:");
    CHECK(data.lines[1].chosen == " b");
    CHECK(contains(dialogues({dir / "in.jsonl", "--out", made}).err, "exists already"));
    test::write_bytes(dir / "in.jsonl", kGood);
    CHECK(dialogues({"--in", dir / "in.jsonl", "--out", made, "--force"}).code == 0);
    CHECK(text::read_preferences(made).at(0).lines.size() == 1);
}

TEST_CASE("bad dialogues stop it and leave nothing, or are skipped and counted") {
    const test::TemporaryDirectory dir;
    test::write_bytes(dir / "in.jsonl", kBad + kGood + kBad);
    const Outcome refused = dialogues({dir / "in.jsonl", "--out", dir / "out.jsonl"});
    CHECK(refused.code == 2);
    CHECK(contains(refused.err, "in.jsonl, line 1: the rejected dialogue does not begin"));
    CHECK(contains(refused.err, "--skip-bad"));
    CHECK(files_in(dir / "") == 1);
    const Outcome got = dialogues({dir / "in.jsonl", "--skip-bad", "--out", dir / "out.jsonl"});
    CHECK(got.code == 0);
    CHECK(contains(got.out,
                   "skipped 2 lines: the rejected dialogue does not begin with the prompt "
                   "of the chosen one (first: line 1)\nwrote 1 pair to"));
}

TEST_CASE("input and output of dialogues are checked before anything is read") {
    const test::TemporaryDirectory dir;
    test::write_bytes(dir / "in.jsonl", kGood);
    CHECK(contains(dialogues({dir / "no.jsonl", "--out", dir / "out.jsonl"}).err, "no such file"));
    CHECK(contains(dialogues({dir / "in.jsonl", "--out", dir / "in.jsonl", "--force"}).err,
                   "is the same file as the input"));
    CHECK(contains(dialogues({dir / "in.jsonl"}).err, "out"));
    CHECK(contains(dialogues({"--out", dir / "out.jsonl"}).err, "in"));
    CHECK(text::read_file(dir / "in.jsonl", 1000) == kGood);
    cancel_flag.store(true);
    const Outcome stopped = dialogues({dir / "in.jsonl", "--out", dir / "out.jsonl"});
    cancel_flag.store(false);
    CHECK(stopped.code == 130);
    CHECK(files_in(dir / "") == 1);
}

TEST_CASE("a full disk leaves the old file as it was") {
    const test::TemporaryDirectory dir;
    test::write_bytes(dir / "in.jsonl", kGood);
    test::write_bytes(dir / "out.jsonl", "old");
    CHECK(test::exit_code(test::start_limited(
              {"dialogues", dir / "in.jsonl", "--out", dir / "out.jsonl", "--force"}, 0)) == 3);
    CHECK(text::read_file(dir / "out.jsonl", 1000) == "old");
}
