#include "sim/lm/text/preferences.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "tests/support/npy_support.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;

namespace {

text::PreferenceData parse(const std::string& content,
                           const text::PreferenceOptions& options = {}) {
    std::istringstream in(content);
    return text::parse_preferences(in, "dir/some.jsonl", options);
}

std::string refusal(const std::string& content, const text::PreferenceOptions& options = {}) {
    const std::string message = input_error([&] { parse(content, options); });
    CHECK(contains(message, "dir/some.jsonl"));
    return message;
}

std::string persona(const std::string& question, bool yes, const std::string& confidence = "0.9") {
    const std::string a = yes ? "\" Yes\"" : "\" No\"", b = yes ? "\" No\"" : "\" Yes\"";
    return R"({"question": ")" + question + R"(", "statement": "s", "label_confidence": )" +
           confidence + R"(, "answer_matching_behavior": )" + a +
           R"(, "answer_not_matching_behavior": )" + b + "}\n";
}

std::string generic(const std::string& chosen, const std::string& rejected) {
    return R"({"prompt": "p", "chosen": ")" + chosen + R"(", "rejected": ")" + rejected + "\"}\n";
}

}  // namespace

TEST_CASE("persona lines as published") {
    const auto data = parse(persona("q1", true, "0.5") + persona("q\\n2", false));
    CHECK(data.name == "some");
    CHECK(data.persona);
    REQUIRE(data.lines.size() == 2);
    CHECK(data.lines[0].chosen == " Yes");
    CHECK(data.lines[1].prompt == "q\n2");
    CHECK(data.lines[1].chosen == " No");
    CHECK(data.lines[1].rejected == " Yes");
    CHECK(data.lines[1].line == 2);
    CHECK(data.lines[0].confidence == 0.5);
}

TEST_CASE("the confidence filter keeps what is at least as high") {
    const std::string three =
        persona("a", true, "0.5") + persona("b", false, "0.7") + persona("c", true, "0.9");
    const auto data = parse(three, {.min_confidence = 0.7});
    CHECK(data.lines.size() == 2);
    CHECK(data.filtered == 1);
    CHECK(data.lines[0].line == 2);
    CHECK(data.hash == parse(persona("b", false) + persona("c", true)).hash);
    CHECK(data.hash != parse(three).hash);
    CHECK(contains(refusal(three, {.min_confidence = 0.95}), "drops every one"));
    CHECK(contains(refusal(generic("a", "b"), {.min_confidence = 0.5}), "no label_confidence"));
}

TEST_CASE("the confidence filter knows generic lines that have a confidence") {
    const auto line = [](const std::string& prompt, const std::string& confidence) {
        return R"({"prompt": ")" + prompt + R"(", "chosen": "x", "rejected": "y", )" +
               R"("label_confidence": )" + confidence + "}\n";
    };
    const auto data = parse(line("a", "0.5") + line("b", "0.9"), {.min_confidence = 0.7});
    REQUIRE(data.lines.size() == 1);
    CHECK(data.lines[0].prompt == "b");
    CHECK(data.lines[0].confidence == 0.9);
    CHECK(data.filtered == 1);
    CHECK(contains(refusal(line("a", "2")), "label_confidence: is 2, allowed is 0 to 1"));
}

TEST_CASE("evaluations answer Yes and No or (A) and (B), with or without a space") {
    const auto line = [](const std::string& a, const std::string& b) {
        return R"({"question": "q", "answer_matching_behavior": ")" + a +
               R"(", "answer_not_matching_behavior": ")" + b + "\"}\n";
    };
    using Pair = std::array<std::string, 2>;
    CHECK(parse(line(" No", " Yes")).answers == Pair{" Yes", " No"});
    CHECK(parse(line("No", "Yes") + line("Yes", "No")).answers == Pair{"Yes", "No"});
    CHECK(parse(line(" (B)", " (A)")).answers == Pair{" (A)", " (B)"});
    CHECK(parse(line("(A)", "(B)")).lines[0].chosen == "(A)");
    CHECK(contains(refusal(line("Yes", "(A)")), "is '(A)', allowed are 'Yes' and 'No'"));
    CHECK(contains(refusal(line("(A)", "(B)") + line(" (A)", " (B)")), "line 2"));
    CHECK(
        contains(refusal(line("(C)", "(D)")), "is '(C)', allowed are Yes and No, or (A) and (B)"));
}

TEST_CASE("generic lines, the last without newline") {
    const auto data =
        parse(generic("good", "bad") + R"({"prompt": "q", "chosen": "x", "rejected": "y"})");
    CHECK_FALSE(data.persona);
    REQUIRE(data.lines.size() == 2);
    CHECK(data.lines[1].rejected == "y");
    CHECK_FALSE(data.lines[0].confidence);
}

TEST_CASE("malformed lines are named by file and line") {
    const std::string good = persona("q", true);
    const auto says = [&](const std::string& line, const std::string& what) {
        CAPTURE(line);
        const std::string message = refusal(good + line);
        CHECK(contains(message, "line 2"));
        CHECK(contains(message, what));
    };
    says("{\"question\": \"x\"}\n", "'answer_matching_behavior' is missing");
    says(persona("", true), "/question: is empty");
    says(persona("a\\u0000b", true), "U+0000");
    says(persona("q", true, "1.5"), "label_confidence: is 1.5, allowed is 0 to 1");
    says(persona("q", true, "\"high\""), "expected a number");
    says("[1]\n", "expected an object");
    says("{\"question\": 3}\n", "expected a string");
    says("{\"question\": \"a\", \"question\": \"b\"}\n", "given twice");
    says(generic("a", "b"), "other fields than line 1");
    says("{\"question\": \"a\", \"prompt\": \"b\"}\n", "both 'question' and 'prompt'");
    says("{\"chosen\": \"a\", \"rejected\": \"b\"}\n", "'chosen' and 'rejected', but no 'prompt'");
    says("{}\n", "neither 'question' nor 'prompt'");
    says(persona("a\xFFz", true), "byte 16: byte 0xFF is not valid UTF-8");
    says(std::string("{\"a\0\": 1}\n", 10), "a NUL byte");
    says(
        R"({"question": "q", "answer_matching_behavior": "Yes", "answer_not_matching_behavior": " No"})"
        "\n",
        "is 'Yes', allowed are ' Yes' and ' No'");
    says(R"({"prompt": [{"role": "user", "content": "q"}], "chosen": "a", "rejected": "b"})"
         "\n",
         "this is conversational data");
    says(R"({"system": "s", "question": "q", "chosen": "a", "rejected": "b"})"
         "\n",
         "this is the form of Orca pairs");
    says(R"({"instruction": "q", "input": "", "chosen": "a", "rejected": "b"})"
         "\n",
         "this is the form of Alpaca");
    says(R"({"prompt": "q", "completion": "a", "label": true})"
         "\n",
         "this is unpaired preference data");
    says(
        R"({"question": "q", "answer_matching_behavior": " No", "answer_not_matching_behavior": " No"})"
        "\n",
        "both answers are ' No'");
    says("{\"question\": " + std::string(70, '[') + "1", "nested deeper than 64");
    says("{\"question\": \"tru", "not valid JSON");
    says("{\"question\": x}\n", "some.jsonl, line 2, byte 14: not valid JSON");
    const std::string crlf = good.substr(0, good.size() - 1) + "\r\n";
    for (const std::string& same : {crlf, "\xEF\xBB\xBF" + good, good + "\n\r\n"})
        CHECK(parse(same).hash == parse(good).hash);
    CHECK(contains(refusal(""), "the file is empty"));
}

TEST_CASE("a truncated last line says so, a long line is not read to its end") {
    try {
        parse(persona("q", true) + "{\"question\": \"tru");
        FAIL("accepted");
    } catch (const InputError& error) {
        CHECK(contains(error.hint(), "truncated"));
    }
    const std::string line = persona(std::string(2000, 'x'), true);
    CHECK(contains(refusal(line, {0.0, {1000, 10}}), "longer than 1000 bytes"));
    CHECK(parse(line, {0.0, {line.size() - 1, 10}}).lines.size() == 1);
    CHECK(contains(refusal(line, {0.0, {line.size() - 2, 10}}), "longer than"));
    CHECK(contains(refusal(persona("q", true) + persona("q", true), {0.0, {1000, 1}}),
                   "more than 1 lines"));
}

TEST_CASE("a folder is read file by file, sorted by name") {
    const test::TemporaryDirectory dir;
    CHECK(contains(input_error([&] { text::read_preferences(dir / ""); }), "holds no .jsonl"));
    test::write_bytes(dir / "b.jsonl", persona("q", true));
    test::write_bytes(dir / "a.jsonl", generic("x", "y"));
    test::write_bytes(dir / "notes.txt", "no data");
    const auto data = text::read_preferences(dir / "");
    REQUIRE(data.size() == 2);
    CHECK(data[0].name == "a");
    CHECK(data[1].persona);
    CHECK(contains(input_error([&] { text::read_preferences(dir / "c.jsonl"); }), "no such file"));
    std::filesystem::create_directory(dir / "saved");
    test::write_bytes(dir / "saved/data-00000-of-00001.arrow", "");
    const auto saved = [&] { text::read_preferences(dir / "saved"); };
    CHECK(contains(input_error(saved), "a folder of arrow files"));
    test::write_bytes(dir / "saved/dataset_info.json", "{}");
    CHECK(contains(input_error(saved), "that save_to_disk wrote"));
}

TEST_CASE("the published personas: 24 files of 1000 lines, half Yes") {
    const auto folder = test::data_dir() / "persona";
    if (!test::available(folder)) return;
    const auto data = text::read_preferences(folder.string());
    CHECK(data.size() == 24);
    for (const auto& behaviour : data) {
        CHECK(behaviour.lines.size() == 1000);
        std::size_t yes = 0;
        for (const auto& line : behaviour.lines) {
            yes += line.chosen == " Yes" ? 1 : 0;
            if (!line.prompt.ends_with('"')) FAIL(behaviour.path << " " << line.line);
        }
        CHECK(yes == 500);
    }
}
