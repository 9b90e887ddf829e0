#include "sim/lm/text/json_lines.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;

namespace {

/// Everything that comes before the end or an error.
std::vector<std::string> values(const std::string& content, const text::LineLimits& limits = {}) {
    std::istringstream in(content);
    text::JsonLines lines(in, "f.jsonl", limits);
    std::vector<std::string> out;
    while (const auto value = lines.next()) {
        out.push_back(value->dump());
        CHECK(lines.number() == out.size());
        CHECK(lines.place() == "f.jsonl, line " + std::to_string(out.size()));
    }
    return out;
}

std::string refusal(const std::string& content, const text::LineLimits& limits = {}) {
    return input_error([&] { values(content, limits); });
}

}  // namespace

TEST_CASE("one value a line, the last with or without newline") {
    CHECK(values("").empty());
    CHECK(values("{}\n[1]\n") == std::vector<std::string>{"{}", "[1]"});
    CHECK(values("null\n2") == std::vector<std::string>{"null", "2"});
}

TEST_CASE("a line that is no value is named") {
    CHECK(contains(refusal("{}\n\n{}\n"), "f.jsonl, line 2: is blank"));
    CHECK(contains(refusal("{}\n{\n"), "f.jsonl, line 2"));
    CHECK(contains(refusal("{}\r\n"), "line 1: ends with a carriage return"));
    CHECK(contains(refusal("{}\n12345\n", {4, 9}), "line 2: longer than 4 bytes"));
    CHECK(contains(refusal("{}\n{}\n", {4, 1}), "line 2: more than 1 lines"));
    CHECK(values("{}\n1234", {4, 2}).size() == 2);
    CHECK(contains(refusal("\x1F\x8B\x08 and so on"), "line 1: the file is compressed"));
}
