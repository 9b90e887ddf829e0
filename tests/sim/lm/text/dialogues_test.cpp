#include "sim/lm/text/dialogues.hpp"

#include <doctest/doctest.h>

#include <random>
#include <sstream>

#include "sim/base/cancel.hpp"
#include "sim/lm/text/preferences.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;
using text::DialogueFault;

namespace {

const std::string kTurn = "\n\nHuman: a\n\nAssistant:";
const std::string kTwoTurns = kTurn + " b\n\nHuman: c\n\nAssistant:";

std::string line(const std::string& chosen, const std::string& rejected) {
    return text::Json({{"chosen", chosen}, {"rejected", rejected}}).dump() + "\n";
}

struct Converted {
    text::DialogueCount count;
    std::string out;
};

Converted convert(const std::string& content, bool skip_bad = false,
                  const text::LineLimits& limits = {}) {
    std::istringstream in(content);
    std::ostringstream out;
    const auto count = text::convert_dialogues(in, "hh.jsonl", out, {skip_bad, limits});
    return {count, out.str()};
}

std::string refusal(const std::string& content, bool skip_bad = false) {
    return input_error([&] { convert(content, skip_bad); });
}

DialogueFault fault_of(const std::string& chosen, const std::string& rejected) {
    text::DialoguePair pair;
    return text::split_dialogues(chosen, rejected, pair);
}

/// Written out: the end of the last occurrence, 0 if there is none.
std::size_t end_of_prompt(const std::string& dialogue) {
    const std::string turn = "\n\nAssistant:";
    std::size_t end = 0;
    for (std::size_t k = 0; k + turn.size() <= dialogue.size(); ++k) {
        bool here = true;
        for (std::size_t j = 0; j < turn.size(); ++j) here = here && dialogue[k + j] == turn[j];
        if (here) end = k + turn.size();
    }
    return end;
}

}  // namespace

TEST_CASE("the prompt ends with the last turn of the assistant") {
    const std::string got = convert(line(kTwoTurns + " yes", kTwoTurns + " no")).out;
    CHECK(got ==
          "{\"prompt\":\"\\n\\nHuman: a\\n\\nAssistant: b\\n\\nHuman: c\\n\\nAssistant:\","
          "\"chosen\":\" yes\",\"rejected\":\" no\"}\n");
    std::istringstream in(got);
    const auto data = text::parse_preferences(in, "x.jsonl");
    REQUIRE(data.lines.size() == 1);
    CHECK(data.lines[0].prompt == kTwoTurns);
    CHECK(data.lines[0].rejected == " no");
}

TEST_CASE("what is no pair of answers to one prompt") {
    CHECK(fault_of(kTurn + " b", kTurn + " c") == DialogueFault::kNone);
    CHECK(fault_of(kTurn + " b", kTwoTurns + " c") == DialogueFault::kNone);
    CHECK(fault_of(kTwoTurns + " c", kTurn + " b") == DialogueFault::kOtherPrompt);
    CHECK(fault_of(kTwoTurns + " d", "\n\nHuman: x" + kTwoTurns + " d") ==
          DialogueFault::kOtherPrompt);
    CHECK(fault_of("\n\nHuman: a", kTurn + " b") == DialogueFault::kNoAssistant);
    CHECK(fault_of("\nAssistant: a", "\nAssistant: b") == DialogueFault::kNoAssistant);
    CHECK(fault_of("", "") == DialogueFault::kNoAssistant);
    CHECK(fault_of(kTurn, kTurn + " b") == DialogueFault::kEmptyAnswer);
    CHECK(fault_of(kTurn + " b", kTurn) == DialogueFault::kEmptyAnswer);
    CHECK(fault_of(kTurn + " b", kTurn + " b") == DialogueFault::kSameAnswer);
}

TEST_CASE("a bad line is an error with file and line, or skipped and counted") {
    const std::string good = line(kTurn + " b", kTurn + " c"), other = line(kTurn + " b", " c"),
                      empty = line(kTurn, kTurn + " c"), none = line("a", "b"),
                      same = line(kTurn + " b", kTurn + " b");
    CHECK(contains(refusal(good + other),
                   "hh.jsonl, line 2: the rejected dialogue does not begin with the prompt"));
    CHECK(contains(refusal(empty), "line 1: an answer is empty; chosen '\\x0A\\x0AHuman: a"));
    CHECK(contains(refusal(good + good + none), "line 3: the chosen dialogue has no"));
    CHECK(contains(refusal(same), "both answers are the same"));
    const auto got = convert(good + other + empty + other + none + good + same, true);
    CHECK(got.out == convert(good + good).out);
    CHECK(got.count.written == 2);
    CHECK(got.count.skipped_lines() == 5);
    const auto& skipped = got.count.skipped[static_cast<std::size_t>(DialogueFault::kOtherPrompt)];
    CHECK(skipped.lines == 2);
    CHECK(skipped.first == 2);
    CHECK(contains(refusal(other + none, true), "no pair is left, all 2 lines were skipped"));
    CHECK(contains(refusal(""), "hh.jsonl: no pair is left, the file is empty"));
}

TEST_CASE("a damaged line is never skipped") {
    const std::string good = line(kTurn + " b", kTurn + " c");
    const auto says = [&](const std::string& bad, const std::string& what) {
        const std::string message = refusal(good + bad, true);
        CHECK(contains(message, "hh.jsonl, line 2"));
        CHECK(contains(message, what));
    };
    says("{\"chosen\": \"a\"}\n", "'rejected' is missing");
    says("{\"chosen\": [], \"rejected\": \"a\"}\n", "is no list of messages");
    says("[]\n", "expected an object");
    says("{\"chosen\": \"tru", "not valid JSON");
    says("\n" + good, "is blank");
    says("{\"chosen\": \"a\\u0000\", \"rejected\": \"a\"}\n", "U+0000");
    says("{\"chosen\": \"\\ud800\", \"rejected\": \"a\"}\n", "not valid JSON");
    says("{\"prompt\": \"p\", \"chosen\": \"a\", \"rejected\": \"b\"}\n", "has the field 'prompt'");
    CHECK(contains(input_error([&] { convert(good, true, {20, 9}); }), "longer than 20 bytes"));
}

TEST_CASE("prompt and answer together are the dialogue again, whatever it holds") {
    const std::vector<std::string> pieces = {
        "\n\nHuman:", "\n\nAssistant:",   "\n",           "Assistant:", " ",   "a", "\"",
        "\\",         "\xF0\x9F\x98\x80", "\xE2\x80\xA8", "\x01",       "\x7F"};
    std::mt19937 random(20240318);
    const auto draw = [&](int most) {
        std::string out;
        for (auto k = random() % static_cast<unsigned>(most); k > 0; --k)
            out += pieces[random() % pieces.size()];
        return out;
    };
    int converted = 0;
    for (int i = 0; i < 3000; ++i) {
        const std::string start = draw(6), chosen = start + draw(6), rejected = start + draw(6);
        const std::size_t end = end_of_prompt(chosen);
        const bool pair = end > 0 && rejected.compare(0, end, chosen, 0, end) == 0 &&
                          chosen.size() > end && rejected.size() > end && chosen != rejected;
        CHECK((fault_of(chosen, rejected) == DialogueFault::kNone) == pair);
        if (!pair) continue;
        ++converted;
        std::istringstream in(convert(line(chosen, rejected)).out);
        const auto got = text::parse_preferences(in, "x.jsonl").lines.at(0);
        CHECK(got.prompt == chosen.substr(0, end));
        CHECK(got.prompt + got.chosen == chosen);
        CHECK(got.prompt + got.rejected == rejected);
    }
    CHECK(converted > 100);
}

TEST_CASE("an output that cannot be written is an error, a request to stop is followed") {
    std::istringstream in(line(kTurn + " b", kTurn + " c"));
    std::ostringstream full;
    full.setstate(std::ios::badbit);
    CHECK(contains(test::machine_error([&] { text::convert_dialogues(in, "hh.jsonl", full); }),
                   "line 1: what is made of it cannot be written"));
    cancel_flag.store(true);
    CHECK_THROWS_AS(convert(line(kTurn + " b", kTurn + " c")), Interrupted);
    cancel_flag.store(false);
}

namespace {

text::Json message(const char* role, const char* content) {
    return {{"role", role}, {"content", content}};
}

std::vector<std::string> pair_in(const std::string& out) {
    const text::Json line = text::Json::parse(out);
    return {line.at("prompt"), line.at("chosen"), line.at("rejected")};
}

using Pair = std::vector<std::string>;

}  // namespace

TEST_CASE("rows of messages, and of a question with two answers, become turns of a dialogue") {
    using text::Json;
    const Json user = message("user", "a"), good = message("assistant", "b"),
               bad = message("assistant", "c");
    const Pair want = {kTurn, " b", " c"};
    const auto made = [](const Json& row) { return pair_in(convert(row.dump() + "\n").out); };
    CHECK(made({{"prompt", {user}}, {"chosen", {good}}, {"rejected", {bad}}}) == want);
    CHECK(made({{"chosen", {user, good}}, {"rejected", {user, bad}}}) == want);
    CHECK(made({{"prompt", "a"}, {"chosen", {user, good}}, {"rejected", {user, bad}}}) == want);
    CHECK(made({{"instruction", "a"}, {"input", ""}, {"chosen", "b"}, {"rejected", "c"}}) == want);
    CHECK(made({{"question", "a"}, {"system", nullptr}, {"chosen", "b"}, {"rejected", "c"}}) ==
          want);
    CHECK(made({{"instruction", "a"}, {"input", "x"}, {"chosen", "b"}, {"rejected", "c"}}) ==
          Pair{"\n\nHuman: a\n\nx\n\nAssistant:", " b", " c"});
    CHECK(made({{"question", "a"}, {"system", "s"}, {"chosen", "b"}, {"rejected", "c"}}) ==
          Pair{"s" + kTurn, " b", " c"});
    const Json more = message("user", "c");
    CHECK(made({{"prompt", {user, good, more}}, {"chosen", {good}}, {"rejected", {bad, user}}}) ==
          Pair{kTwoTurns, " b", " c\n\nHuman: a"});
    const Json row = {{"chosen", {user, good}}, {"rejected", {user, bad}}};
    CHECK(convert(row.dump() + "\n" + line(kTurn + " b", kTurn + " c")).count.messages == 1);
}

TEST_CASE("messages that are no two answers to one prompt are refused by reason, or counted") {
    using text::Json;
    const Json user = message("user", "a"), good = message("assistant", "b"),
               bad = message("assistant", "c"), tool = message("tool", "t"),
               late = message("system", "s");
    const auto refused = [](const Json& row, const char* why) {
        CAPTURE(why);
        CHECK(contains(refusal(row.dump() + "\n"), why));
        const std::string kept = line(kTurn + " b", kTurn + " c");
        CHECK(convert(row.dump() + "\n" + kept, true).count.skipped_lines() == 1);
    };
    refused({{"chosen", {good}}, {"rejected", {bad}}}, "no message before the answers");
    refused({{"chosen", {user, good}}, {"rejected", {user, good}}}, "both answers are the same");
    refused({{"chosen", {user, good}}, {"rejected", {user}}}, "an answer is empty");
    refused({{"chosen", {user, good}}, {"rejected", {user, user}}}, "not the assistant's");
    refused({{"prompt", {user, tool}}, {"chosen", {good}}, {"rejected", {bad}}}, "neither by user");
    refused({{"prompt", {user, late}}, {"chosen", {good}}, {"rejected", {bad}}}, "neither by user");
    const Json image = {{"role", "user"}, {"content", {{{"type", "image"}}}}};
    CHECK(contains(refusal(Json({{"chosen", {image, good}}, {"rejected", {image, bad}}}).dump()),
                   "content"));
    CHECK(contains(refusal(Json({{"chosen", {user, good}}, {"rejected", "c"}}).dump()),
                   "no list of messages"));
}
