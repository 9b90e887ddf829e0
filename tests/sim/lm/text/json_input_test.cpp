#include "sim/lm/text/json_input.hpp"

#include <doctest/doctest.h>

#include "sim/lm/text/text_file.hpp"
#include "sim/lm/text/utf8.hpp"
#include "tests/support/npy_support.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;
using text::Json;

namespace {

std::string refusal(const std::string& document, const text::JsonLimits& limits = {}) {
    const std::string message =
        input_error([&] { text::parse_json(document, "some.json", limits); });
    CHECK(contains(message, "some.json"));
    return message;
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

/// Well-formed by the definition: decode by hand, re-encode, compare; no table of ranges.
bool well_formed_slowly(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        bool found = false;
        for (std::size_t length = 1; length <= 4 && !found; ++length) {
            if (at + length > text.size()) break;
            char32_t value = static_cast<unsigned char>(text[at]);
            if (length > 1) value &= 0x7Fu >> length;
            for (std::size_t k = 1; k < length; ++k)
                value = value * 64 + (static_cast<unsigned char>(text[at + k]) & 0x3Fu);
            if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) continue;
            std::string again;
            text::append_utf8(again, value);
            found = again == text.substr(at, length);
            if (found) at += length;
        }
        if (!found) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("a document is built as it is written") {
    const std::string document =
        R"({"a": [1, -2, 2.5, true, null, "é\u00e9\ud83d\ude00"], "b": {}})";
    const Json got = text::parse_json(document, "some.json");
    CHECK(got == Json::parse(document));
    CHECK(got["a"][5] == "éé😀");
    CHECK(text::parse_json(" 3 ", "x") == 3);
}

TEST_CASE("keys that are given twice are named with their place") {
    CHECK(contains(refusal(R"({"a": 1, "b": 2, "a": 3})"), "key 'a' is given twice"));
    const std::string deep = refusal(R"({"m": [0, {"x": {"k": 1, "k": 1}}]})");
    CHECK(contains(deep, "'/m/1/x/k'"));
    CHECK(text::parse_json(R"({"a": {"k": 1}, "b": {"k": 1}, "c": "a"})", "x").size() == 3);
}

TEST_CASE("depth, number of values and bytes are bounded while parsing") {
    CHECK(input_error([&] { text::parse_json(nested(32), "x"); }).empty());
    CHECK(contains(refusal(nested(33)), "nested deeper than 32 levels"));
    CHECK(contains(refusal(std::string(1 << 20, '[')), "nested deeper than 32 levels"));
    CHECK(contains(refusal("[1, 2, 3, 4]", {1000, 32, 4}), "more than 4 values"));
    CHECK(input_error([&] { text::parse_json("[1, 2, 3]", "x", {1000, 32, 4}); }).empty());
    CHECK(contains(refusal("[1, 2, 3]", {8, 32, 4}), "has 9 bytes, at most 8"));
}

TEST_CASE("what is not JSON is named with line and byte") {
    CHECK(contains(refusal("{\n \"a\": 1,\n}"), "line 3, byte 1: not valid JSON"));
    CHECK(contains(refusal("[1, 2"), "line 1, byte 6"));
    for (const char* bad : {"", " ", "nan", "[1] 2", "{'a': 1}", "[01]", "[1e999]", "\"\\ud800\"",
                            "\"a\nb\"", "[1,]", "{\"a\"}", "tru"})
        CHECK(contains(refusal(bad), "not valid JSON"));
}

TEST_CASE("bytes that are no text: malformed UTF-8, NUL, byte order mark") {
    CHECK(contains(refusal("{\n\"a\": \"\xFF\"}"), "line 2, byte 7: byte 0xFF is not valid UTF-8"));
    CHECK(contains(refusal(std::string("[1]\0", 4)), "line 1, byte 4: a NUL byte"));
    CHECK(contains(refusal("\xEF\xBB\xBF[1]"), "byte order mark"));
}

TEST_CASE("validation of UTF-8 agrees with decoding and encoding again") {
    for (char32_t c :
         {0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xD7FFu, 0xE000u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
        std::string text = "a";
        text::append_utf8(text, c);
        CHECK_FALSE(text::invalid_utf8(text));
        std::size_t at = 1;
        CHECK(text::next_code_point(text, at) == c);
        CHECK(at == text.size());
    }
    Stream stream(test::seed(), Purpose::kSuite, 90);
    std::size_t good = 0;
    const std::string bytes =
        "a\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0\xC1\xC2\xDF\xE0\xE1\xED\xEF\xF0\xF1\xF4\xF5\xFF";
    for (int trial = 0; trial < 100000; ++trial) {
        std::string text;
        for (std::size_t k = stream() % 5; k > 0; --k) text += bytes[stream() % bytes.size()];
        const bool valid = !text::invalid_utf8(text);
        if (valid != well_formed_slowly(text)) FAIL(text::in_quotes(text));
        good += valid && text.size() > 1 ? 1 : 0;
    }
    CHECK(good > 1000);
}

TEST_CASE("typed access names place, value and what is expected") {
    const Json object = Json::parse(
        R"({"n": 3, "r": 0.5, "t": "x", "f": true, "z": null, "big": 18446744073709551615})");
    CHECK(text::integer_member(object, "n", 0, 3, "p") == 3);
    CHECK(text::number_member(object, "r", "p") == 0.5);
    CHECK(text::text_member(object, "t", "p") == "x");
    CHECK(text::flag_member(object, "f", false, "p"));
    CHECK(text::flag_member(object, "absent", true, "p"));
    CHECK(text::find_member(object, "z", "p") == nullptr);
    const auto says = [&](auto action, const std::string& what) {
        CHECK(contains(input_error(action), what));
    };
    says([&] { text::integer_member(object, "n", 0, 2, "p"); },
         "p/n: is number '3', expected an integer in [0, 2]");
    says([&] { text::integer_member(object, "r", 0, 2, "p"); }, "p/r: is number '0.5'");
    says([&] { text::integer_member(object, "big", 0, 2, "p"); }, "18446744073709551615");
    says([&] { text::text_member(object, "n", "p"); }, "p/n: is number '3', expected a string");
    says([&] { text::flag_member(object, "t", true, "p"); }, "expected true or false");
    says([&] { text::member(object, "z", "p"); }, "p: 'z' is missing");
    says([&] { text::number_member(object, "t", "p"); }, "expected a number");
    says([&] { text::require_array(object, "p"); }, "p: is object, expected an array");
    says([&] { text::member(Json(1), "z", "p"); }, "p: is number '1', expected an object");
}

TEST_CASE("files that are absent, folders, devices and too large ones") {
    const test::TemporaryDirectory dir;
    CHECK(contains(input_error([&] { text::read_json(dir / "absent.json"); }), "no such file"));
    CHECK(contains(input_error([&] { text::read_json(dir / ""); }), "is a folder"));
    CHECK(contains(input_error([&] { text::read_json("/dev/zero"); }), "is not a regular file"));
    test::write_bytes(dir / "a.json", "[1]");
    CHECK(text::read_json(dir / "a.json") == Json::parse("[1]"));
    CHECK(contains(input_error([&] { text::read_file(dir / "a.json", 2); }),
                   "has 3 bytes, at most 2"));
}
