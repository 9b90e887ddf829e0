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
    CHECK(contains(refusal("{}\n12345\n", {4, 9}), "line 2: longer than 4 bytes"));
    CHECK(contains(refusal("{}\n{}\n", {4, 1}), "line 2: more than 1 lines"));
    CHECK(values("{}\n1234", {4, 2}).size() == 2);
}

TEST_CASE("a byte order mark, carriage returns and blank lines at the end are no values") {
    CHECK(values("\xEF\xBB\xBF{}\n[1]\n") == std::vector<std::string>{"{}", "[1]"});
    CHECK(values("{}\r\n[1]\r\n") == std::vector<std::string>{"{}", "[1]"});
    CHECK(values("{}\n\n \r\n\t\n") == std::vector<std::string>{"{}"});
    CHECK(contains(refusal("{}\n\n\n2\n"), "f.jsonl, line 2: is blank"));
    CHECK(contains(refusal("{}\n\xEF\xBB\xBF{}\n"), "line 2: starts with a byte order mark"));
    CHECK(contains(refusal("{}\r{}\n"), "line 1"));
}

TEST_CASE("files of another form are named") {
    using namespace std::string_literals;
    const auto says = [](const std::string& content, const std::string& what) {
        CHECK(contains(refusal(content), "f.jsonl: this is " + what));
    };
    says("\x1F\x8B\x08 and so on", "compressed by gzip");
    says("\x28\xB5\x2F\xFD", "compressed by zstd");
    says("PAR1\x15\x04", "parquet");
    says("ARROW1\0\0"s, "arrow");
    says("PK\x03\x04", "a zip archive");
    says("\x89HDF\r\n", "HDF5");
    says("\xFF\xFE{\0}\0"s, "UTF-16");
    says("[{\"a\": 1}]\n", "one JSON array");
    says("[\n  {\"a\": 1}\n]\n", "one JSON array");
    says("{\n  \"a\": 1\n}\n", "JSON over several lines");
}

TEST_CASE("a line may hold much that is not read") {
    std::string wide = "[0";
    for (int i = 0; i < 20000; ++i) wide += ",0";
    CHECK(values(wide + "]\n").size() == 1);
    CHECK(values(std::string(60, '[') + std::string(60, ']') + "\n").size() == 1);
}
