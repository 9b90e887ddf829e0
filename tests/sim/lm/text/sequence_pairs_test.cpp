#include "sim/lm/text/sequence_pairs.hpp"

#include <doctest/doctest.h>

#include <random>

#include "sim/lm/text/tokenizer/sentencepiece_tokenizer.hpp"
#include "tests/support/sentencepiece_support.hpp"
#include "tests/support/text_support.hpp"

using namespace prefdyn;
using test::answering;
using test::contains;
using test::input_error;
using test::preference_data;
using test::Tokens;

namespace {

using Lines = std::vector<std::array<std::string, 3>>;

const text::TokenizerConfig kBoth{"config", "<s>", "</s>", {}, {}};

text::SequencePairs pairs(const text::Tokenizer& tokenizer, const Lines& lines,
                          const text::SequenceOptions& options = {}) {
    return text::sequence_pairs(tokenizer, preference_data(lines), options);
}

std::string refusal(const text::Tokenizer& tokenizer, const Lines& lines,
                    const text::SequenceOptions& options = {}) {
    return input_error([&] { pairs(tokenizer, lines, options); });
}

std::vector<int> labels(const text::SequencePairs& of) {
    std::vector<int> out;
    for (const auto& pair : of.pairs) out.push_back(pair.label);
    return out;
}

/// Written out: the longest start of all three, token by token.
std::size_t start_of_all(const Tokens& a, const Tokens& b, const Tokens& c) {
    std::size_t k = 0;
    while (k < a.size() && k < b.size() && k < c.size() && a[k] == b[k] && b[k] == c[k]) ++k;
    return k;
}

Lines random_lines(std::size_t count) {
    const std::vector<std::string> pieces = {"?", " ", "Yes", " Yes", " No", "a", "\xC3\xA9", "\n"};
    std::mt19937 random(20240318);
    const auto draw = [&] {
        std::string out;
        for (auto k = random() % 6 + 1; k > 0; --k) out += pieces[random() % pieces.size()];
        return out;
    };
    Lines out(count);
    for (auto& line : out) do
            line = {draw(), draw(), draw()};
        while (line[1] == line[2]);
    return out;
}

/// bos and the last `count` tokens of `whole`.
Tokens bos_and_last(const Tokens& whole, std::size_t count) {
    Tokens out = {whole.front()};
    out.insert(out.end(), whole.end() - static_cast<std::ptrdiff_t>(count), whole.end());
    return out;
}

/// What tokenize() gives, sequence by sequence.
void check_one_token(const text::Tokenizer& tokenizer, const text::PreferenceData& data,
                     const text::PromptFormat& format) {
    text::SequenceOptions options;
    options.format = format;
    options.one_token = true;
    const auto got = text::sequence_pairs(tokenizer, data, options);
    const auto want = text::tokenize(tokenizer, data, format);
    REQUIRE(got.pairs.size() == want.prompts.size());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < want.prompts.size(); ++i) {
        const auto& pair = got.pairs[i];
        const bool first = want.label[i] == 1;
        Tokens chosen = want.prompts[i], rejected = want.prompts[i];
        chosen.push_back(want.pair.token[first ? 0 : 1]);
        rejected.push_back(want.pair.token[first ? 1 : 0]);
        wrong += pair.chosen == chosen && pair.rejected == rejected &&
                         pair.prompt == want.prompts[i].size() && pair.label == want.label[i] &&
                         pair.line == want.line[i]
                     ? 0
                     : 1;
    }
    CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("an answer is all that follows the prompt, whatever its length") {
    const auto tokenizer = answering();
    const auto got = pairs(*tokenizer, {{"q", " Yes!", " No way"}, {"rs", " Yes", " Yes sure"}});
    REQUIRE(got.pairs.size() == 2);
    CHECK(got.pairs[0].chosen == Tokens{'q', 258, '!'});
    CHECK(got.pairs[0].rejected == Tokens{'q', 260, ' ', 'w', 'a', 'y'});
    CHECK(got.pairs[0].prompt == 1);
    CHECK(got.pairs[0].line == 1);
    CHECK(got.pairs[1].chosen == Tokens{'r', 's', 258});
    CHECK(got.pairs[1].rejected == Tokens{'r', 's', 258, ' ', 's', 'u', 'r', 'e'});
    CHECK(got.pairs[1].prompt == 2);
    CHECK(got.longest() == 8);
    CHECK(got.path == "some.jsonl");
    CHECK(got.tokenizer_hash == "hash");
    CHECK(labels(got) == std::vector<int>{0, 0});
}

TEST_CASE("what both answers begin with is theirs, in one_token mode the prompt's") {
    const auto tokenizer = answering();
    const Lines lines = {{"q", " Yes!a", " Yes?b"}};
    CHECK(pairs(*tokenizer, lines).pairs[0].prompt == 1);
    text::SequenceOptions options;
    options.one_token = true;
    const auto pair = pairs(*tokenizer, lines, options).pairs[0];
    CHECK(pair.chosen == Tokens{'q', 258, '!'});
    CHECK(pair.rejected == Tokens{'q', 258, '?'});
    CHECK(pair.prompt == 2);
}

TEST_CASE("a token that merges across the boundary belongs to the answers") {
    text::SequenceOptions options;
    options.format.bos = true;
    const auto pair = pairs(*answering(kBoth), {{"?", " Yes", " No"}}, options).pairs[0];
    CHECK(pair.chosen == Tokens{262, 261, 'Y', 257});
    CHECK(pair.rejected == Tokens{262, 261, 'N', 'o'});
    CHECK(pair.prompt == 1);
    const std::string nothing = refusal(*answering(), {{"?", " Yes", " No"}});
    CHECK(contains(nothing, "some.jsonl, line 1: no token of the prompt stays"));
    CHECK(contains(nothing, "alone 63 '?' is its first, before the chosen answer 261 '?Ġ'"));
}

TEST_CASE("labels say whether the first answer is chosen, if every line compares the same two") {
    const auto tokenizer = answering();
    const Lines lines = {{"q", " No", " Yes"}, {"r", " Yes", " No"}};
    CHECK(labels(pairs(*tokenizer, lines)) == std::vector<int>{1, -1});
    auto persona = preference_data(lines);
    persona.persona = true;
    persona.answers = {" Yes", " No"};
    CHECK(labels(text::sequence_pairs(*tokenizer, persona, {})) == std::vector<int>{-1, 1});
    text::SequenceOptions options;
    options.format.responses = {" Yes", " No"};
    CHECK(labels(pairs(*tokenizer, lines, options)) == std::vector<int>{-1, 1});
    options.one_token = true;
    CHECK(labels(pairs(*tokenizer, lines, options)) == std::vector<int>{-1, 1});
    options.one_token = false;
    CHECK(contains(refusal(*tokenizer, {{"q", " Yes", " No"}, {"q", " Yes", " Maybe"}}, options),
                   "line 2: the answers are ' Yes' and ' Maybe', the first and second were to be"));
    options.format.responses[1].clear();
    CHECK(contains(refusal(*tokenizer, lines, options), "only one of the two responses"));
}

TEST_CASE("eos ends both answers") {
    text::SequenceOptions options;
    options.eos = true;
    const auto pair = pairs(*answering(kBoth), {{"q", " Yes", " No"}}, options).pairs[0];
    CHECK(pair.chosen == Tokens{'q', 258, 263});
    CHECK(pair.rejected == Tokens{'q', 260, 263});
    CHECK(contains(refusal(*answering(kBoth), {{"q", " Yes", " No</s>"}}, options),
                   "line 1: an answer ends with '</s>' already"));
    CHECK(contains(refusal(*answering(), {{"q", " Yes", " No"}}, options), "has none"));
    options.one_token = true;
    CHECK(contains(refusal(*answering(kBoth), {{"q", " Yes", " No"}}, options), "have no end"));
}

TEST_CASE("the context counts what is read; truncation takes from the front of the prompt") {
    const auto tokenizer = answering(kBoth);
    const Lines lines = {{"q", " Yes", " No"}, {"abcdef", " Yes", " No way"}};
    text::SequenceOptions options;
    options.format.bos = true;
    options.context = 11;  // bos, 6 letters and 5 tokens of " No way", the last of them not read
    CHECK(pairs(*tokenizer, lines, options).truncated == 0);
    options.context = 10;
    CHECK(contains(refusal(*tokenizer, lines, options),
                   "some.jsonl, line 2: the model would read 11 tokens (prompt 7, chosen answer 1, "
                   "rejected 5, the last one not read), its context is 10"));
    options.truncate = true;
    const auto got = pairs(*tokenizer, lines, options);
    CHECK(got.truncated == 1);
    CHECK(got.pairs[0].prompt == 2);
    CHECK(got.pairs[1].prompt == 6);
    CHECK(got.pairs[1].chosen == Tokens{262, 'b', 'c', 'd', 'e', 'f', 258});
    CHECK(got.pairs[1].rejected == Tokens{262, 'b', 'c', 'd', 'e', 'f', 260, ' ', 'w', 'a', 'y'});
    options.context = 5;
    CHECK(pairs(*tokenizer, lines, options).pairs[1].chosen == Tokens{262, 258});
    options.context = 4;
    CHECK(contains(refusal(*tokenizer, lines, options), "its context is 4"));
    options.format.bos = false;
    options.context = 5;
    CHECK(pairs(*tokenizer, lines, options).pairs[1].chosen == Tokens{'f', 258});
    options.context = -1;
    CHECK(contains(refusal(*tokenizer, lines, options), "context = -1, allowed is 0 or more"));
}

TEST_CASE("a largest length cuts answers from the end and drops a pair whose prompt fills it") {
    const auto tokenizer = answering(kBoth);
    const Lines lines = {{"q", " Yes", " No way"}, {"abcdef", " Yes", " No"}};
    text::SequenceOptions options;
    options.max_length = 6;  // q and 5 tokens of " No way"
    auto got = pairs(*tokenizer, lines, options);
    CHECK(got.filled == 1);  // abcdef
    CHECK(got.shortened == 0);
    REQUIRE(got.pairs.size() == 1);
    CHECK(got.pairs[0].line == 1);
    options.max_length = 3;
    got = pairs(*tokenizer, lines, options);
    CHECK(got.shortened == 1);
    CHECK(got.pairs[0].chosen == Tokens{'q', 258});
    CHECK(got.pairs[0].rejected == Tokens{'q', 260, ' '});
    options.max_length = 7;
    got = pairs(*tokenizer, lines, options);
    CHECK(got.filled == 0);
    CHECK(got.pairs[1].line == 2);
    options.context = 1;
    CHECK(contains(refusal(*tokenizer, {lines[1]}, options), "line 1: the model would read 6"));
}

TEST_CASE("one token: the prompt may fill the context, as when it is embedded") {
    text::SequenceOptions options;
    options.one_token = true;
    options.context = 3;
    CHECK(pairs(*answering(), {{"abc", " Yes", " No"}}, options).longest() == 4);
    options.context = 2;
    CHECK(contains(refusal(*answering(), {{"abc", " Yes", " No"}}, options), "would read 3"));
    options.truncate = true;
    CHECK(pairs(*answering(), {{"abc", " Yes", " No"}}, options).pairs[0].chosen ==
          Tokens{'b', 'c', 258});
}

TEST_CASE("ids outside the model's vocabulary and answers without difference are refused") {
    text::SequenceOptions options;
    options.vocabulary = 261;
    CHECK(refusal(*answering(), {{"q", " Yes", " No"}}, options).empty());
    options.vocabulary = 260;
    CHECK(contains(refusal(*answering(), {{"q", " Yes", "!"}, {"q", " Yes", " No"}}, options),
                   "line 2: token id 260 is outside the model's vocabulary, allowed are 0 to 259"));
    CHECK(contains(refusal(*answering(), {{"q", " Yes", " Yes"}}), "have the same tokens"));
    CHECK(contains(refusal(*answering(), {{"q", "", " No"}}),
                   "line 1: the chosen answer '' adds no token"));
    CHECK(contains(refusal(*answering(), {{"q", " No", ""}}), "the rejected answer ''"));
    CHECK(contains(refusal(*answering(), {{"", " Yes", " No"}}), "the prompt has no token"));
    options = {};
    options.one_token = true;
    CHECK(contains(refusal(*answering(), {{"", " Yes", " No"}}, options),
                   "line 1: the prompt has no token"));
    options.format.bos = true;
    CHECK(pairs(*answering(kBoth), {{"", " Yes", " No"}}, options).pairs[0].prompt == 1);
}

TEST_CASE("random texts: the sequences are the texts, the prompt their longest common start") {
    const auto tokenizer = answering(kBoth);
    text::SequenceOptions options;
    options.format.bos = true;
    const Lines lines = random_lines(2000);
    const auto whole = pairs(*tokenizer, lines, options);
    options.context = 10;
    options.truncate = true;
    std::size_t merged = 0, shortened = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto& [prompt, chosen, rejected] = lines[i];
        const auto& pair = whole.pairs[i];
        const auto with_bos = [&](const std::string& text) {
            Tokens ids = tokenizer->encode(text);
            ids.insert(ids.begin(), 262);
            return ids;
        };
        CHECK(pair.chosen == with_bos(prompt + chosen));
        CHECK(pair.rejected == with_bos(prompt + rejected));
        CHECK(pair.prompt == start_of_all(with_bos(prompt), pair.chosen, pair.rejected));
        merged += pair.prompt < with_bos(prompt).size() ? 1 : 0;

        const std::size_t longest = std::max(pair.chosen.size(), pair.rejected.size());
        const std::size_t lost = longest > 11 ? longest - 11 : 0;
        if (lost == 0 || lost >= pair.prompt) continue;
        ++shortened;
        const auto got = pairs(*tokenizer, {lines[i]}, options).pairs[0];
        CHECK(got.prompt == pair.prompt - lost);
        CHECK(got.chosen == bos_and_last(pair.chosen, pair.chosen.size() - 1 - lost));
        CHECK(got.rejected == bos_and_last(pair.rejected, pair.rejected.size() - 1 - lost));
    }
    CHECK(merged > 50);
    CHECK(shortened > 50);
}

TEST_CASE("the hash is of tokens, prompts and labels") {
    const auto tokenizer = answering(kBoth);
    const auto hash = [&](const Lines& lines, const text::SequenceOptions& options = {}) {
        return pairs(*tokenizer, lines, options).hash();
    };
    const Lines lines = {{"q", " Yes", " No"}, {"r", " No", " Yes"}};
    CHECK(hash(lines) == hash(lines));
    CHECK(hash(lines) != hash({lines[1], lines[0]}));
    CHECK(hash(lines) != hash({lines[0], {"r", " No", " Yes!"}}));
    text::SequenceOptions options;
    options.format.responses = {" No", " Yes"};  // the labels alone change
    CHECK(hash(lines) != hash(lines, options));
    CHECK(hash({{"q", " Yesa", " Yesb"}}) != hash({{"q Yes", "a", "b"}}));  // the prompt alone
}

TEST_CASE("one_token equals tokenize") {
    text::PromptFormat format{true, "[{prompt}]", "\n", {}};
    auto data = preference_data({{"q", " Yes", " No"}, {"r", " No", " Yes"}, {"s", " Yes", " No"}});
    check_one_token(*answering(kBoth), data, format);
    data.persona = true;
    data.answers = {" Yes", " No"};
    check_one_token(*answering(kBoth), data, {});
    format.responses = {" No", " Yes"};
    check_one_token(*answering(kBoth), data, format);
}

TEST_CASE("SentencePiece: whole texts come back, answers of white space alone are refused") {
    const auto tokenizer =
        text::sentencepiece_tokenizer(test::trained_model(), {}, "tokenizer.model");
    const Lines lines = {{"would you say", " yes or no", " no"}, {"say", "ing", "yes"}};
    text::SequenceOptions options;
    options.eos = true;
    const auto got = pairs(*tokenizer, lines, options);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto& pair = got.pairs[i];
        for (const bool chosen : {true, false}) {
            Tokens ids = chosen ? pair.chosen : pair.rejected;
            CHECK(ids.back() == 2);
            ids.pop_back();
            CHECK(tokenizer->decode(ids) == lines[i][0] + lines[i][chosen ? 1 : 2]);
        }
        CHECK(pair.prompt ==
              start_of_all(tokenizer->encode(lines[i][0]), pair.chosen, pair.rejected));
    }
    CHECK(contains(refusal(*tokenizer, {{"say", " yes", " no"}, {"say", "  ", " no"}}),
                   "line 2: the chosen answer '  ' adds no token"));
    CHECK(contains(refusal(*tokenizer, {{"say", " yes", " yes "}}), "have the same tokens"));
    CHECK(contains(refusal(*tokenizer, {{"say", " yes</s>", " no"}}), "the text holds '</s>'"));
}

TEST_CASE("stories260K on persona data: answers of two tokens, one in one_token mode") {
    const auto folder = test::data_dir() / "checkpoints" / "stories260K";
    const auto persona = test::data_dir() / "persona" / "openness.jsonl";
    if (!test::available(folder) || !test::available(persona)) return;
    const auto tokenizer = text::load_tokenizer(folder.string());
    const auto data = text::read_preferences(persona.string())[0];
    text::SequenceOptions options;
    options.format.bos = true;
    options.context = 512;
    options.vocabulary = 512;
    const auto got = text::sequence_pairs(*tokenizer, data, options);
    const Tokens yes = tokenizer->encode(" Yes"), no = tokenizer->encode(" No");
    std::size_t wrong = 0, plus = 0;
    for (std::size_t i = 0; i < got.pairs.size(); ++i) {
        const auto& pair = got.pairs[i];
        Tokens alone = tokenizer->encode(data.lines[i].prompt);
        alone.insert(alone.begin(), 1);
        const bool chosen_yes = data.lines[i].chosen == " Yes";
        plus += pair.label == 1 ? 1 : 0;
        wrong += pair.prompt == start_of_all(alone, pair.chosen, pair.rejected) &&
                         pair.prompt == alone.size() && (pair.label == 1) == chosen_yes
                     ? 0
                     : 1;
    }
    CHECK(wrong == 0);
    CHECK(plus == 500);
    check_one_token(*tokenizer, data, options.format);
}
