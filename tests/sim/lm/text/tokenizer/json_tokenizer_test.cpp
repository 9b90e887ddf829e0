#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "sim/base/cancel.hpp"
#include "sim/lm/text/tokenizer/normalizer.hpp"
#include "sim/lm/text/tokenizer/pre_tokenizer.hpp"
#include "sim/lm/text/tokenizer/tokenizer_class.hpp"
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
    for (const auto& part : compiled.parts(text)) out.emplace_back(part.text);
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
                            "[a&&b]",     "[a[^b]]",
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
        contains(input_error([] { text::SplitPattern("a*", "where").parts("b"); }), "empty text"));
    CHECK(text::translate_pattern("[a[bc]]", "p") == "[abc]");
    CHECK(text::translate_pattern("(?i:[sd]|ll)", "p") == "(?i:[sd]|ll)");
    CHECK(text::translate_pattern("[a-z-]", "p") == "[a-z\\-]");
}

TEST_CASE(
    "a pattern that backtracks on a long text ends: by itself, and as soon as it is asked to") {
    const std::string text(1000000, 'a');
    const text::SplitPattern slow("a*[bc]", "where");
    CHECK(contains(input_error([&] { slow.parts(text); }), "takes longer than 10 s on a text of"));
    std::thread stopper([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        cancel_flag = true;
    });
    const auto begin = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(slow.parts(text), Interrupted);
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
}

TEST_CASE("added tokens take white space beside them, or stand alone") {
    Json document = test::byte_level_json();
    document["added_tokens"] = {test::added_token("<l>", 256), test::added_token("<r>", 257),
                                test::added_token("word", 258)};
    document["added_tokens"][0]["lstrip"] = true;
    document["added_tokens"][1]["rstrip"] = true;
    document["added_tokens"][2]["single_word"] = true;
    const auto tokenizer = make_tokenizer(document);
    CHECK(tokenizer->encode("a \u3000<l> b") == Tokens{'a', 256, ' ', 'b'});
    CHECK(tokenizer->encode("a <r> \n b") == Tokens{'a', ' ', 257, 'b'});
    CHECK(tokenizer->encode("<r> <l>") == Tokens{257, 256});
    CHECK(tokenizer->encode("word a-word") == Tokens{258, ' ', 'a', '-', 258});
    CHECK(tokenizer->encode("words") == byte_tokens("words"));
    CHECK(tokenizer->encode("_word") == byte_tokens("_word"));
    CHECK(tokenizer->encode("\u00e9word") == byte_tokens("\u00e9word"));
}

namespace {

/// Pieces of characters with their ids in order, <0x00> to <0xFF> before them if `bytes`.
Json character_json(const std::vector<std::string>& pieces,
                    const std::vector<std::pair<std::string, std::string>>& merges, bool bytes) {
    Json vocabulary = Json::object(), list = Json::array();
    constexpr const char* kHex = "0123456789ABCDEF";
    for (unsigned b = 0; bytes && b < 256; ++b)
        vocabulary[std::string("<0x") + kHex[b / 16] + kHex[b % 16] + ">"] = b;
    for (const std::string& piece : pieces) vocabulary.emplace(piece, vocabulary.size());
    for (const auto& [left, right] : merges) {
        vocabulary.emplace(left + right, vocabulary.size());
        list.push_back({left, right});
    }
    Json document = test::byte_level_json();
    document["model"] = {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", list}};
    document["model"]["byte_fallback"] = bytes;
    document["pre_tokenizer"] = nullptr;
    document["decoder"] = nullptr;
    return document;
}

Json metaspace(const std::string& scheme, bool split) {
    return {{"type", "Metaspace"},
            {"replacement", "\u2581"},
            {"prepend_scheme", scheme},
            {"split", split}};
}

}  // namespace

TEST_CASE("BPE of characters: bytes for what is no piece, unknown ones fused or not") {
    Json document = character_json({"a", "b", "?"}, {{"a", "b"}}, true);
    CHECK(make_tokenizer(document)->encode("ab\u00e9a") == Tokens{259, 0xC3, 0xA9, 256});
    CHECK(make_tokenizer(document)->decode({259, 0xC3, 0xA9}) == "ab\u00e9");
    document = character_json({"a", "?"}, {}, false);
    CHECK(contains(input_error([&] { make_tokenizer(document)->encode("ax"); }),
                   "no piece for 'x', and none for what is unknown"));
    document["model"]["unk_token"] = "?";
    CHECK(make_tokenizer(document)->encode("axyaz") == Tokens{0, 1, 1, 0, 1});
    document["model"]["fuse_unk"] = true;
    CHECK(make_tokenizer(document)->encode("axyaz") == Tokens{0, 1, 0, 1});
    document["model"]["unk_token"] = "none";
    CHECK(contains(refusal(document), "the piece 'none' is not in the vocabulary"));
}

TEST_CASE("Metaspace marks spaces, in front always, first or never") {
    Json document = character_json({"\u2581", "a"}, {{"\u2581", "a"}}, false);
    document["added_tokens"] = {test::added_token("<s>", 3)};
    const auto ids = [&](const std::string& scheme, bool split, const std::string& text) {
        document["pre_tokenizer"] = metaspace(scheme, split);
        return make_tokenizer(document)->encode(text);
    };
    CHECK(ids("always", true, "a a<s>a") == Tokens{2, 2, 3, 2});
    CHECK(ids("first", true, "a a<s>a") == Tokens{2, 2, 3, 1});
    CHECK(ids("first", true, "<s>a") == Tokens{3, 1});
    CHECK(ids("never", true, "a a<s> a") == Tokens{1, 2, 3, 2});
    CHECK(ids("always", false, " a  a") == Tokens{2, 0, 2});
    document["pre_tokenizer"] = metaspace("last", true);
    CHECK(contains(refusal(document), "is 'last', known are always, first and never"));
}

TEST_CASE("Split in every behaviour") {
    using text::SplitBehavior;
    const std::string s = " a b  c ";
    const text::SplitPattern space("\\s", "p");
    const auto pieces = [&](SplitBehavior behavior) {
        Pieces out;
        for (const auto piece : text::split(space.parts(s), behavior)) out.emplace_back(piece);
        return out;
    };
    CHECK(pieces(SplitBehavior::kRemoved) == Pieces{"a", "b", "c"});
    CHECK(pieces(SplitBehavior::kIsolated) == Pieces{" ", "a", " ", "b", " ", " ", "c", " "});
    CHECK(pieces(SplitBehavior::kContiguous) == Pieces{" ", "a", " ", "b", "  ", "c", " "});
    CHECK(pieces(SplitBehavior::kMergedWithPrevious) == Pieces{" ", "a ", "b ", " ", "c "});
    CHECK(pieces(SplitBehavior::kMergedWithNext) == Pieces{" a", " b", " ", " c", " "});
}

TEST_CASE("pre-tokenisers that cut at classes of characters") {
    const auto pieces = [](const Json& description, const std::string& text) {
        return text::PreTokenizer(&description, "p").split(text, true);
    };
    CHECK(pieces({{"type", "Digits"}}, "a12 3") == Pieces{"a", "12", " ", "3"});
    CHECK(pieces({{"type", "Digits"}, {"individual_digits", true}}, "a12") ==
          Pieces{"a", "1", "2"});
    CHECK(pieces({{"type", "Punctuation"}}, "Hi!! $x\u061D") ==
          Pieces{"Hi", "!", "!", " ", "$", "x\u061D"});
    CHECK(pieces({{"type", "Punctuation"}, {"behavior", "Contiguous"}}, "a!!b") ==
          Pieces{"a", "!!", "b"});
    CHECK(pieces({{"type", "Whitespace"}}, "Hi, a_b 1-2\u00A0\u00E9") ==
          Pieces{"Hi", ",", "a_b", "1", "-", "2", "\u00E9"});
    CHECK(pieces({{"type", "WhitespaceSplit"}}, "Hi, \u3000a\u200Bb") == Pieces{"Hi,", "a\u200Bb"});
    const Json both = {
        {"type", "Sequence"},
        {"pretokenizers", Json::array({{{"type", "Punctuation"}},
                                       {{"type", "ByteLevel"}, {"add_prefix_space", true}}})}};
    CHECK(pieces(both, "a!b") == Pieces{"\u0120a", "\u0120!", "\u0120b"});
}

TEST_CASE("normalisers one behind the other") {
    const auto normal = [](const Json& steps, const std::string& text) {
        const Json description = {{"type", "Sequence"}, {"normalizers", steps}};
        return text::Normalizer(&description, "n").apply(text);
    };
    CHECK(normal(Json::array({{{"type", "NFD"}}}), "\u00e9") == "e\u0301");
    CHECK(normal(Json::array({{{"type", "NFKC"}}}), "\uFB01\u00B2") == "fi2");
    CHECK(normal(Json::array({{{"type", "Lowercase"}}}), "A\u0130\u03A3") == "ai\u0307\u03C3");
    const Json llama =
        Json::array({{{"type", "Prepend"}, {"prepend", "\u2581"}},
                     {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}});
    CHECK(normal(llama, "a b") == "\u2581a\u2581b");
    CHECK(normal(llama, "").empty());
    CHECK(normal(Json::array(
                     {{{"type", "Replace"}, {"pattern", {{"Regex", "\\Ax"}}}, {"content", "yy"}}}),
                 "xax") == "yyax");
}

TEST_CASE("Unigram takes the best scores, and refuses where rounding would decide") {
    Json document = character_json({}, {}, false);
    using Scores = std::vector<std::pair<std::string, double>>;
    const auto with = [&](const Scores& scores) {
        Json vocab = Json::array();
        for (const auto& [piece, score] : scores) vocab.push_back(Json::array({piece, score}));
        document["model"] = {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocab}};
        return make_tokenizer(document);
    };
    const Scores scores = {{"?", 0.0}, {"a", -1.0}, {"b", -2.0}, {"ab", -2.5}, {"aab", -4.5}};
    CHECK(with(scores)->encode("ab") == Tokens{3});
    CHECK(with(scores)->encode("aab") == Tokens{1, 3});
    CHECK(with(scores)->encode("axyb") == Tokens{1, 0, 2});
    const Scores tie = {{"?", 0.0}, {"a", -1.0}, {"aa", -1.5}};
    CHECK(contains(input_error([&] { with(tie)->encode("aaa"); }), "in two ways"));
    CHECK(with(tie)->encode("aaaa") == Tokens{2, 2});
    CHECK(contains(input_error([&] { with({{"a", -1.0}, {"a", -2.0}}); }), "is given twice"));
    document["model"] = {{"type", "Unigram"}, {"vocab", Json::array({7})}};
    CHECK(contains(refusal(document), "expected a piece and its score"));
}

TEST_CASE("classes of tokenisers that overrule their file") {
    const auto overruled = [](const std::string& type, const std::string& name,
                              const Json& document) {
        text::TokenizerConfig config;
        config.model_type = type;
        config.tokenizer_class = name;
        Json out = document;
        text::overrule(out, config, "tokenizer.json");
        return out;
    };
    const Json bytes = test::byte_level_json();
    Json characters = character_json({"a"}, {}, true);
    characters["pre_tokenizer"] = metaspace("always", true);
    for (const std::string type : {"mistral", "phi3", "olmo2", "granite"})
        CHECK(overruled(type, "LlamaTokenizer", characters) == characters);
    CHECK(overruled("llama", "", characters) == characters);
    CHECK(overruled("llama", "PreTrainedTokenizerFast", characters) == characters);
    CHECK(overruled("llama", "LlamaTokenizerFast", bytes) == bytes);
    CHECK(overruled("llama", "LlamaTokenizerFast", characters)["pre_tokenizer"] ==
          metaspace("first", false));
    for (const std::string name : {"", "LlamaTokenizer", "TokenizersBackend"})
        CHECK(overruled("qwen2", name, bytes)["normalizer"]["type"] == "NFC");
    CHECK(overruled("gpt_neox", "", bytes)["pre_tokenizer"]["type"] == "ByteLevel");
    CHECK(overruled("gpt_neox", "TokenizersBackend", bytes) == bytes);
    CHECK(contains(input_error([&] { overruled("", "OddTokenizer", bytes); }), "'OddTokenizer'"));
    Json unigram = bytes;
    unigram["model"]["type"] = "Unigram";
    CHECK(contains(input_error([&] { overruled("qwen2", "", unigram); }), "\"Unigram\""));
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
    CHECK(both->special().adds_bos == true);  // add_bos_token does not undo a template
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
    says("/normalizer", {{"type", "Nmt"}}, "normaliser 'Nmt'");
    says("/pre_tokenizer", {{"type", "UnicodeScripts"}}, "pre-tokeniser 'UnicodeScripts'");
    says("/pre_tokenizer/pretokenizers/0/behavior", "Merged", "'Merged'");
    says("/pre_tokenizer/pretokenizers/0/pattern/Regex", "\\w", "'\\w'");
    says("/post_processor", {{"type", "Other"}}, "post-processor 'Other'");
    says("/post_processor", {{"type", "RobertaProcessing"}, {"cls", {"<s>", 0}}}, "id 0 is");
    says("/model/type", "Words", "'Words'");
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

TEST_CASE("WordPiece takes the longest known beginning, a word it cannot write is unknown whole") {
    const Json vocab = {{"[UNK]", 0}, {"un", 1},  {"##aff", 2}, {"##able", 3}, {"!", 4},
                        {"u", 5},     {"##n", 6}, {"e", 7},     {"##e", 8},    {"\u4f60", 9}};
    const Json document = {{"model",
                            {{"type", "WordPiece"},
                             {"unk_token", "[UNK]"},
                             {"continuing_subword_prefix", "##"},
                             {"max_input_chars_per_word", 9},
                             {"vocab", vocab}}},
                           {"normalizer", {{"type", "BertNormalizer"}}},
                           {"pre_tokenizer", {{"type", "BertPreTokenizer"}}}};
    const auto tokenizer = make_tokenizer(document);
    CHECK(tokenizer->encode("UNAFFABLE") == Tokens{1, 2, 3});
    CHECK(tokenizer->encode("un!\tunx e\u0301e") == Tokens{1, 4, 0, 7, 8});
    CHECK(tokenizer->encode("e\u0001e\u4f60u") == Tokens{7, 8, 9, 5});
    CHECK(tokenizer->encode("eeeeeeeee eeeeeeeeee") == Tokens{7, 8, 8, 8, 8, 8, 8, 8, 8, 0});
    Json cased = document;
    cased["normalizer"]["lowercase"] = false;
    CHECK(make_tokenizer(cased)->encode("UN e\u0301") == Tokens{0, 0});
    Json without = document;
    without["model"]["unk_token"] = "?";
    CHECK(contains(refusal(without), "not in the vocabulary"));
}

TEST_CASE("WordLevel knows whole pieces; marks and white space at the ends can be left out") {
    const Json document = {
        {"model",
         {{"type", "WordLevel"}, {"unk_token", "?"}, {"vocab", {{"?", 0}, {"a", 1}, {"b", 2}}}}},
        {"normalizer",
         {{"type", "Sequence"},
          {"normalizers",
           {{{"type", "NFD"}},
            {{"type", "StripAccents"}},
            {{"type", "Strip"}, {"strip_left", true}, {"strip_right", false}}}}}},
        {"pre_tokenizer",
         {{"type", "Split"},
          {"pattern", {{"String", " "}}},
          {"behavior", "MergedWithPrevious"},
          {"invert", false}}}};
    CHECK(make_tokenizer(document)->encode(" \u00e1") == Tokens{1});
    CHECK(make_tokenizer(document)->encode("b a b") == Tokens{0, 0, 2});
    CHECK(make_tokenizer(document)->encode("b ") == Tokens{0});
}

TEST_CASE("tokens that other files name: a piece keeps its id, one that nobody adds is refused") {
    text::TokenizerConfig config{.path = "config", .has_settings = true};
    config.added = {"ab", "[PAD]", "<x>"};
    Json document = test::byte_level_json({{"a", "b"}, {"ab", "c"}});
    document["added_tokens"] = {test::added_token("<x>", 258)};
    CHECK(make_tokenizer(document)->encode("abc") == Tokens{257});
    CHECK(make_tokenizer(document, config)->encode("abc") == Tokens{256, 'c'});
    const auto refused = [&](const std::string& text) {
        return input_error([&] { make_tokenizer(document, config)->encode(text); });
    };
    CHECK(contains(refused("a [PAD]"), "the text holds '[PAD]', which a file beside"));
    config.rules = {{"<x>", {.lstrip = true}}, {"ab", {}}};
    CHECK(refused("<x>").empty());
    config.decoder = {"<x>"};
    CHECK(contains(refused("<x>"), "the text holds '<x>'"));
    config.rules["ab"].rstrip = true;
    CHECK(contains(refused("abc"), "the text holds 'ab'"));
}

TEST_CASE("classes of tokenisers have tokens where no file names others") {
    const Json plain = test::byte_level_json();
    text::TokenizerConfig config{.path = "config", .tokenizer_class = "GPTNeoXTokenizer"};
    using Names = std::vector<std::string>;
    CHECK(text::default_tokens(plain, config) ==
          Names{"<|endoftext|>", "<|endoftext|>", "<|padding|>", "<|endoftext|>"});
    config.keys = {"bos_token", "pad_token", "unk_token"};
    CHECK(text::default_tokens(plain, config) == Names{"<|endoftext|>"});
    config.tokenizer_class = "PreTrainedTokenizerFast";
    CHECK(text::default_tokens(plain, config).empty());
}
