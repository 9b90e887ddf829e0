#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "sim/base/cancel.hpp"
#include "sim/lm/text/tokenizer/pre_tokenizer.hpp"
#include "tests/support/npy_support.hpp"
#include "tests/support/text_support.hpp"

using namespace prefdyn;
using test::byte_tokens;
using test::contains;
using test::input_error;
using test::make_tokenizer;
using test::Tokens;
using text::Json;

namespace {

using Pieces = std::vector<std::string>;

Pieces split(const std::string& pattern, const std::string& text) {
    const text::SplitPattern compiled(pattern, "p");
    Pieces out;
    for (const auto piece : compiled.split(text)) out.emplace_back(piece);
    return out;
}

std::string refusal(const Json& document, const text::TokenizerConfig& config = {}) {
    const std::string message = input_error([&] { make_tokenizer(document, config); });
    CHECK(contains(message, config.path.empty() ? "tokenizer.json" : "config"));
    return message;
}

Json changed(const std::string& pointer, const Json& value) {
    Json document = test::byte_level_json({{"a", "b"}});
    document[Json::json_pointer(pointer)] = value;
    return document;
}

}  // namespace

TEST_CASE("published patterns split as their authors' libraries do") {
    CHECK(split(test::kGpt2Pattern, "I don't  know\n\n 12345!") ==
          Pieces{"I", " don", "'t", " ", " know", "\n\n", " 12345", "!"});
    CHECK(split(test::kLlama3Pattern, "I DON'T  know\n\n 12345!\n") ==
          Pieces{"I", " DON", "'T", " ", " know", "\n\n", " ", "123", "45", "!\n"});
    CHECK(split(test::kQwen2Pattern, "a12") == Pieces{"a", "1", "2"});
    CHECK(split(test::kLlama3Pattern, "(héllo) 日本") == Pieces{"(héllo", ")", " 日本"});
}

TEST_CASE("white space is what Unicode calls so, without U+180E") {
    const Pieces want = {"a", "\u00A0", "\u3000b"};
    CHECK(split(R"(\s|\S+)", "a\u00A0") == Pieces{"a", "\u00A0"});
    CHECK(split(R"(\s|\S+)", "a\u180Eb") == Pieces{"a\u180Eb"});
    CHECK(split(R"([^\s]+|\s)", "\u0085a") == Pieces{"\u0085", "a"});
}

TEST_CASE("patterns that cannot be translated are refused by name") {
    for (const char* bad : {R"(\w+)",     R"(\d)",
                            "a.b",        "^a",
                            "a$",         R"(\p{Han})",
                            R"(\p{Cn})",  R"(\p{^L})",
                            "(?<=a)b",    "(?<n>a)",
                            "(*UCP)a",    "[[:alpha:]]",
                            "[a&&b]",     "[a[b]]",
                            "a{,3}",      "a{2}+",
                            "a**",        "*a",
                            "(a",         "a)",
                            "[a",         "[]a]",
                            R"([\S])",    R"([a-\s])",
                            R"([\s-a])",  R"((?i:\p{Lu}))",
                            "(?i:[a-z])", R"(\1)",
                            R"(\k<a>)",   "a\\",
                            "",           "(?>a)",
                            R"(\x{41})",  R"(\bA)",
                            R"(\Qa\E)"}) {
        const std::string message = input_error([&] { text::SplitPattern(bad, "where"); });
        CAPTURE(bad);
        CHECK(contains(message, "where"));
    }
    CHECK(
        contains(input_error([] { text::SplitPattern("a*", "where").split("b"); }), "empty text"));
    CHECK(text::translate_pattern("[a-z-]", "p") == "[a-z\\-]");
}

TEST_CASE(
    "a pattern that backtracks on a long text ends: by itself, and as soon as it is asked to") {
    const std::string text(100000, 'a');
    const text::SplitPattern slow("a*[bc]", "where");
    CHECK(contains(input_error([&] { slow.split(text); }), "takes longer than 10 s on a text of"));
    std::thread stopper([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        cancel_flag = true;
    });
    const auto begin = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(slow.split(text), Interrupted);
    stopper.join();
    cancel_flag = false;
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(3));
}

TEST_CASE("bytes, merges, and back") {
    const auto tokenizer =
        make_tokenizer(test::byte_level_json({{" ", "Y"}, {"e", "s"}, {" Y", "es"}}));
    CHECK(tokenizer->size() == 259);
    CHECK(tokenizer->encode("? Yes es") == Tokens{'?', 258, ' ', 257});
    CHECK(tokenizer->encode("é") == byte_tokens("é"));
    CHECK(tokenizer->encode("").empty());
    CHECK(tokenizer->piece(258) == "ĠYes");
    CHECK(tokenizer->find("ĠYes") == 258);
    CHECK_FALSE(tokenizer->find(" Yes"));
    CHECK(tokenizer->decode({'?', 258, 0xC3}) == "? Yes\xC3");
    CHECK_FALSE(tokenizer->special().bos);
    CHECK(tokenizer->special().adds_bos == false);
    CHECK(contains(input_error([&] { tokenizer->decode({259}); }), "token id 259 is outside"));
    CHECK(contains(input_error([&] { tokenizer->piece(-1); }), "token id -1"));
    CHECK(contains(input_error([&] { tokenizer->encode("ab\xFF"); }), "byte 3 is not valid UTF-8"));
    CHECK(contains(input_error([&] { tokenizer->encode("a\uFFFF"); }), "not assigned in Unicode"));
    CHECK(contains(input_error([&] { text::require_vocabulary(*tokenizer, 258, "config.json"); }),
                   "config.json: the model's vocabulary has 258 rows"));
    text::require_vocabulary(*tokenizer, 259, "config.json");
}

TEST_CASE("ignore_merges takes a whole piece from the vocabulary") {
    Json document = test::byte_level_json({{"a", "b"}, {"b", "c"}});
    document["model"]["vocab"]["abc"] = 258;
    CHECK(make_tokenizer(document)->encode("abc") == Tokens{256, 'c'});
    document["model"]["ignore_merges"] = true;
    CHECK(make_tokenizer(document)->encode("abc") == Tokens{258});
    CHECK(make_tokenizer(document)->encode("abcd") == Tokens{256, 'c', 'd'});
}

TEST_CASE("added tokens are cut out first, the longest at a place") {
    Json document = test::byte_level_json({{"<", "|"}});
    document["added_tokens"] = {test::added_token("<|a", 257), test::added_token("<|a|>", 258),
                                test::added_token("é!", 259, false, true)};
    document["normalizer"] = {{"type", "NFC"}};
    const auto tokenizer = make_tokenizer(document);
    CHECK(tokenizer->encode("x<|a|><|a<|") == Tokens{'x', 258, 257, 256});
    CHECK(tokenizer->encode("e\u0301!") == Tokens{259});
    CHECK(tokenizer->encode("A\u030A") == byte_tokens("Å"));
    CHECK(tokenizer->decode({258, 259}) == "<|a|>é!");
    CHECK(contains(input_error([&] { tokenizer->encode("\u1DF6"); }), "depends on the version"));
    document["added_tokens"][0]["rstrip"] = true;
    const auto flagged = make_tokenizer(document);
    CHECK(flagged->encode("<|a|>") == Tokens{258});
    CHECK(contains(input_error([&] { flagged->encode("<|a"); }), "whose flag rstrip"));
}

TEST_CASE("bos and eos come from the config and the template, and must agree") {
    Json document = test::byte_level_json();
    document["added_tokens"] = {test::added_token("<s>", 256), test::added_token("</s>", 257)};
    CHECK_FALSE(make_tokenizer(document)->special().bos);
    document["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", Json::array({{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
                                {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}})},
        {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {256}}, {"tokens", {"<s>"}}}}}}};
    const auto plain = make_tokenizer(document);
    CHECK(plain->special().bos == 256);
    CHECK(plain->special().adds_bos == true);
    CHECK(plain->encode("a") == Tokens{'a'});
    text::TokenizerConfig config{"config", "<s>", "</s>", false, {}};
    const auto both = make_tokenizer(document, config);
    CHECK(both->special().eos == 257);
    CHECK_FALSE(both->special().adds_bos);
    config.bos = "</s>";
    CHECK(contains(refusal(document, config), "names '</s>'"));
    config.bos = "<none>";
    CHECK(contains(refusal(document, config), "'<none>', which the tokeniser does not have"));
    document["post_processor"]["special_tokens"]["<s>"]["ids"] = {257};
    CHECK(contains(refusal(document), "id 257 is '</s>'"));
}

TEST_CASE("parts that are not known are refused by name") {
    const auto says = [](const std::string& pointer, const Json& value, const std::string& what) {
        CAPTURE(pointer);
        CHECK(contains(refusal(changed(pointer, value)), what));
    };
    says("/normalizer", {{"type", "NFKC"}}, "normaliser 'NFKC'");
    says("/pre_tokenizer", {{"type", "Whitespace"}}, "pre-tokeniser 'Whitespace'");
    says("/pre_tokenizer", nullptr, "no ByteLevel");
    says("/pre_tokenizer/pretokenizers/0/behavior", "MergedWithNext", "'MergedWithNext'");
    says("/pre_tokenizer/pretokenizers/0/pattern/Regex", "\\w", "'\\w'");
    says("/post_processor", {{"type", "BertProcessing"}}, "post-processor 'BertProcessing'");
    says("/decoder", {{"type", "WordPiece"}}, "'WordPiece'");
    says("/model/type", "Unigram", "'Unigram'");
    says("/model/byte_fallback", true, "SentencePiece");
    says("/model/dropout", 0.1, "0.1");
    says("/model/continuing_subword_prefix", "##", "'##'");
    says("/truncation", {{"max_length", 8}}, "truncation");
}

TEST_CASE("hostile vocabularies: holes, ids twice, unknown pieces, wrong types") {
    const auto says = [](const std::string& pointer, const Json& value, const std::string& what) {
        CAPTURE(pointer);
        CHECK(contains(refusal(changed(pointer, value)), what));
    };
    says("/model/vocab/ab", 257, "has id 257, but there are only 257 pieces");
    says("/model/vocab/ab", 0, "both have id 0");
    says("/model/vocab/ab", -1, "expected an integer in [0");
    says("/model/vocab/ab", 4294967296, "4294967296");
    says("/model/vocab/ab", "x", "is string");
    says("/model/vocab", Json::array(), "expected an object");
    says("/model/vocab", Json::object(), "is empty");
    says("/model/merges/0", {"a", "q\u0141"},
         "merges/0: the piece 'q\u0141' is not in the vocabulary");
    says("/model/merges/0", {"b", "c"}, "the piece 'bc'");
    says("/model/merges/0", "a b c", "expected two pieces");
    says("/model/merges/0", 7, "expected two pieces");
    says("/model/merges/1", {"a", "b"}, "merges/1: the pair 'a', 'b' is given twice");
    says("/model/merges", nullptr, "'merges' is missing");
    says("/model", nullptr, "'model' is missing");
    says("/added_tokens/0", test::added_token("ab", 300), "has the ids 256 and 300");
    says("/added_tokens/0", test::added_token("", 257), "is empty");
    CHECK(contains(input_error([] { make_tokenizer(Json::array()); }), "expected an object"));
    Json document = test::byte_level_json();
    document["model"]["vocab"].erase("Ā");
    document["model"]["vocab"]["zz"] = 0;
    CHECK(contains(input_error([&] { make_tokenizer(document)->encode(std::string("a\0", 2)); }),
                   "no piece for byte 0"));
}

TEST_CASE("a folder is read with what lies beside the tokeniser") {
    const test::TemporaryDirectory dir;
    CHECK(contains(input_error([&] { text::load_tokenizer(dir / ""); }), "holds neither"));
    Json document = test::byte_level_json();
    document["added_tokens"] = {test::added_token("<s>", 256)};
    test::write_bytes(dir / "tokenizer.json", document.dump());
    test::write_bytes(dir / "tokenizer_config.json",
                      R"({"bos_token": {"content": "<s>"}, "add_bos_token": false})");
    const auto tokenizer = text::load_tokenizer(dir / "");
    CHECK(tokenizer->special().bos == 256);
    CHECK(tokenizer->special().adds_bos == false);
    CHECK(tokenizer->hash() == text::load_tokenizer(dir / "tokenizer.json")->hash());
    test::write_bytes(dir / "tokenizer.json", document.dump() + " ");
    CHECK(tokenizer->hash() != text::load_tokenizer(dir / "")->hash());
    test::write_bytes(dir / "tokenizer.json", document.dump().substr(0, 900));
    CHECK(contains(input_error([&] { text::load_tokenizer(dir / ""); }), "tokenizer.json, line 1"));
}
