#include "sim/lm/text/prompts.hpp"

#include <doctest/doctest.h>

#include "sim/lm/text/text_file.hpp"
#include "sim/lm/text/tokenizer/sentencepiece_tokenizer.hpp"
#include "tests/support/npy_support.hpp"
#include "tests/support/sentencepiece_support.hpp"
#include "tests/support/text_support.hpp"

using namespace prefdyn;
using test::answering;
using test::contains;
using test::input_error;
using test::preference_data;
using test::Tokens;

TEST_CASE("single tokens are the pair, labels follow which answer is chosen") {
    const auto tokenizer = answering();
    const auto got = text::tokenize(
        *tokenizer, preference_data({{"q", " Yes", " No"}, {"r", " No", " Yes"}}), {});
    CHECK(got.pair.token == std::array<text::Token, 2>{258, 260});
    CHECK(got.pair.piece == std::array<std::string, 2>{"ĠYes", "ĠNo"});
    CHECK(got.pair.shared.empty());
    CHECK(got.prompts == std::vector<Tokens>{{'q'}, {'r'}});
    CHECK(got.label == std::vector<std::int8_t>{1, -1});
    CHECK(got.line == std::vector<std::size_t>{1, 2});
    CHECK(got.longest() == 1);
    const auto swapped = text::tokenize(
        *tokenizer, preference_data({{"q", " No", " Yes"}, {"r", " Yes", " No"}}), {});
    CHECK(swapped.pair.token == std::array<text::Token, 2>{260, 258});
    CHECK(swapped.hash() != got.hash());
    text::PromptFormat format;
    format.responses = {" Yes", " No"};
    CHECK(text::tokenize(*tokenizer, preference_data({{"q", " No", " Yes"}}), format).label[0] ==
          -1);
}

TEST_CASE("answers that share their first pieces lend them to the prompt") {
    const auto tokenizer = answering();
    const auto got = text::tokenize(*tokenizer, preference_data({{"q", " Yes!", " Yes?"}}), {});
    CHECK(got.pair.token == std::array<text::Token, 2>{'!', '?'});
    CHECK(got.pair.shared == Tokens{258});
    CHECK(got.prompts[0] == Tokens{'q', 258});
}

TEST_CASE("longer answers come down to the pair, others are refused with their line") {
    const auto tokenizer = answering();
    const auto refused = [&](std::vector<std::array<std::string, 3>> lines,
                             const text::PromptFormat& format = {}) {
        return input_error([&] { text::tokenize(*tokenizer, preference_data(lines), format); });
    };
    CHECK(refused({{"q", " Yes", " No"}, {"r", " No way", " Yes sure"}}).empty());
    const std::string other = refused({{"q", " Yes", " No"}, {"r", " Maybe", " No"}});
    CHECK(contains(other, "some.jsonl, line 2: the answers come down to the tokens"));
    CHECK(contains(other, "expected [258 'ĠYes' 260 'ĠNo']"));
    CHECK(contains(refused({{"q", " Yes", " Yes sure"}}),
                   "line 1: the tokens of ' Yes' are the beginning"));
    CHECK(contains(refused({{"?", " Yes", " No"}}),
                   "the prompt's tokens change when an answer follows"));
    text::PromptFormat half;
    half.responses = {" Yes", ""};
    CHECK(contains(refused({{"q", " Yes", " No"}}, half), "only one of the two responses"));
}

TEST_CASE("bos, template and suffix") {
    text::TokenizerConfig config{"config", "<s>", {}, {}, {}};
    const auto tokenizer = answering(config);
    text::PromptFormat format{true, "[{prompt}]", "!", {}};
    const auto got = text::tokenize(*tokenizer, preference_data({{"q", " Yes", " No"}}), format);
    CHECK(got.prompts[0] == Tokens{262, '[', 'q', ']', '!'});
    const auto says = [&](const text::Tokenizer& with, const std::string& what) {
        CHECK(contains(input_error([&] {
                           text::tokenize(with, preference_data({{"q", " Yes", " No"}}), format);
                       }),
                       what));
    };
    says(*answering(), "has none");
    format.prompt_template = "<s>{prompt}";
    says(*tokenizer, "bos would come twice");
    format.prompt_template = "no place";
    says(*tokenizer, "expected {prompt} exactly once");
    format.prompt_template = "{prompt}{prompt}";
    says(*tokenizer, "expected {prompt} exactly once");
    CHECK(text::format_prompt({}, "{prompt}") == "{prompt}");
}

TEST_CASE("SentencePiece: a small trained model encodes, decodes and refuses control names") {
    const std::string bytes = test::trained_model();
    const auto tokenizer = text::sentencepiece_tokenizer(bytes, {}, "tokenizer.model");
    CHECK(tokenizer->kind() == "SentencePiece");
    CHECK(tokenizer->special().bos == 1);
    CHECK(tokenizer->special().adds_bos == true);
    text::TokenizerConfig silent;
    silent.has_settings = true;
    CHECK_FALSE(text::sentencepiece_tokenizer(bytes, silent, "t.model")->special().adds_bos);
    silent.add_bos = false;
    CHECK(text::sentencepiece_tokenizer(bytes, silent, "t.model")->special().adds_bos == false);
    CHECK(tokenizer->special().eos == 2);
    for (const char* line : {"would you say yes", "日本 é", "a<u>b"})
        CHECK(tokenizer->decode(tokenizer->encode(line)) == line);
    const auto ids = tokenizer->encode("<u>");
    CHECK(std::find(ids.begin(), ids.end(), *tokenizer->find("<u>")) != ids.end());
    CHECK(contains(input_error([&] { tokenizer->encode("a<s>b"); }), "the text holds '<s>'"));
    CHECK(contains(input_error([&] { tokenizer->encode("\xC3"); }), "not valid UTF-8"));
    CHECK(contains(input_error([&] { tokenizer->decode({tokenizer->size()}); }),
                   "outside the vocabulary"));
    text::TokenizerConfig config{"config", "<none>", {}, {}, {}};
    const auto build = [&](const std::string& model) {
        text::sentencepiece_tokenizer(model, config, "t.model");
    };
    CHECK(contains(input_error([&] { build(bytes); }),
                   "'<none>', which the tokeniser does not have"));
    config.bos = "<s>";
    config.added = {"<tool>"};
    const auto with_added = text::sentencepiece_tokenizer(bytes, config, "t.model");
    CHECK(contains(input_error([&] { with_added->encode("<tool>"); }), "the text holds '<tool>'"));
    // A piece with an empty name, which the library answers with an exception.
    const auto empty_piece = test::source_dir() / "tests/fuzz/corpus/sentencepiece/empty_piece";
    for (const std::string& bad : {text::read_file(empty_piece.string(), 1000), std::string(),
                                   bytes.substr(0, bytes.size() / 2), std::string("{\"a\": 1}")})
        CHECK(contains(input_error([&] { build(bad); }), "t.model: not a SentencePiece model"));
}

TEST_CASE("tokenizer.json goes before tokenizer.model, and what that changes is said") {
    const test::TemporaryDirectory dir;
    test::write_bytes(dir / "tokenizer.model", test::trained_model());
    CHECK(text::load_tokenizer(dir / "")->note().empty());
    test::write_bytes(dir / "tokenizer.json", test::byte_level_json().dump());
    const auto json = text::load_tokenizer(dir / "");
    CHECK(json->kind() == "byte-level BPE");
    CHECK(contains(json->note(), "give other ids for"));
    test::write_bytes(dir / "tokenizer.json", R"({"model": {"type": "Words"}})");
    const auto model = text::load_tokenizer(dir / "");
    CHECK(model->kind() == "SentencePiece");
    CHECK(contains(model->note(), "tokenizer.json is not known"));
    CHECK(contains(model->note(), "'Words'"));
}

TEST_CASE("SentencePiece: names that any file beside the model gives to tokens are refused") {
    const test::TemporaryDirectory dir;
    test::write_bytes(dir / "tokenizer.model", test::trained_model());
    const auto refused = [&](const std::string& file, const std::string& content,
                             const std::string& token) {
        test::write_bytes(dir / file, content);
        const auto tokenizer = text::load_tokenizer(dir / "tokenizer.model");
        std::filesystem::remove(dir / file);
        CHECK(contains(input_error([&] { tokenizer->encode("a " + token + "b"); }),
                       "the text holds '" + token + "'"));
    };
    const std::string config = "tokenizer_config.json";
    refused(config, R"({"extra_special_tokens": ["<|one|>", "<|two|>"]})", "<|two|>");
    refused(config, R"({"extra_special_tokens": {"image_token": "<|one|>"}})", "<|one|>");
    refused(config, R"({"additional_special_tokens": [{"content": "<|one|>"}]})", "<|one|>");
    refused(config, R"({"pad_token": {"content": "<|pad|>"}})", "<|pad|>");
    refused(config, R"({"added_tokens_decoder": {"300": {"content": "<|one|>"}}})", "<|one|>");
    refused("special_tokens_map.json", R"({"additional_special_tokens": ["<|a|>"]})", "<|a|>");
    refused("added_tokens.json", R"({"<|a|>": 300})", "<|a|>");
    refused("tokenizer.json", R"({"added_tokens": [{"id": 300, "content": "<|b|>"}]})", "<|b|>");
}

TEST_CASE("stories260K: Yes and No share piece 410 and differ in 452 and 458") {
    const auto folder = test::data_dir() / "checkpoints" / "stories260K";
    const auto persona = test::data_dir() / "persona" / "openness.jsonl";
    if (!test::available(folder) || !test::available(persona)) return;
    const auto tokenizer = text::load_tokenizer(folder.string());
    CHECK(tokenizer->size() == 512);
    const auto behaviour = text::read_preferences(persona.string())[0];
    text::PromptFormat format;
    format.bos = true;
    const auto got = text::tokenize(*tokenizer, behaviour, format);
    CHECK(got.pair.token == std::array<text::Token, 2>{452, 458});
    CHECK(got.pair.shared == Tokens{410});
    CHECK(got.pair.piece == std::array<std::string, 2>{"Y", "N"});
    CHECK(got.prompts.size() == 1000);
    CHECK(std::count(got.label.begin(), got.label.end(), 1) == 500);
    for (const auto& prompt : got.prompts) {
        CHECK(prompt.front() == 1);
        CHECK(prompt.back() == 410);
        CHECK(prompt[prompt.size() - 2] == tokenizer->find("\""));
    }
}
