#include <doctest/doctest.h>

#include <sstream>

#include "experiments/commands/commands.hpp"
#include "tests/support/npy_support.hpp"
#include "tests/support/text_support.hpp"

using namespace prefdyn;
using test::contains;

namespace {

struct Outcome {
    int code;
    std::string out, err;
};

Outcome tokenize(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "tokenize");
    std::ostringstream out, err;
    const int code = run_command(arguments, out, err);
    return {code, out.str(), err.str()};
}

}  // namespace

TEST_CASE("tokenize prints ids, pieces, pair and the first prompt") {
    const test::TemporaryDirectory dir;
    test::write_bytes(dir / "tokenizer.json",
                      test::byte_level_json({{" ", "A"}, {" ", "B"}}).dump());
    test::write_bytes(dir / "x.jsonl", R"({"prompt": "q", "chosen": " B", "rejected": " A"})");
    const std::vector<std::string> common = {"--model", dir / "", "--data", dir / "x.jsonl"};
    auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), common.begin(), common.end());
        return tokenize(more);
    };
    const Outcome got = with({"--suffix", "\\n", "--first", " A", "--second", " B"});
    CHECK(got.err.empty());
    CHECK(got.code == 0);
    CHECK(contains(got.out, "byte-level BPE, 258 tokens"));
    CHECK(contains(got.out, "first answer ' A': token 256 'ĠA'"));
    CHECK(contains(got.out, "prompt of line 1, label -1:\n  113\t'q'\n  10\t'Ċ'\n"));
    CHECK(contains(with({"--text", " A\\"}).out, "  256\t'ĠA'\n  92\t'\\'\n"));
    CHECK(contains(with({"--suffix", "\\x"}).err, "suffix: '\\x', allowed after a backslash"));
    CHECK(contains(with({"--suffix", "a\\"}).err, "allowed after a backslash"));
    CHECK(with({"--bos"}).code == 2);
    CHECK(contains(tokenize({"--data", "x"}).err, "model"));
}
