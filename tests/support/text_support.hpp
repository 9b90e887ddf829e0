#pragma once
// Small tokenisers and data files for the tests of sim/lm/text.

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "sim/lm/text/preferences.hpp"
#include "sim/lm/text/tokenizer/byte_alphabet.hpp"
#include "sim/lm/text/tokenizer/json_tokenizer.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

inline constexpr const char* kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr const char* kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr const char* kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// tokenizer.json with the 256 bytes as tokens 0 .. 255 (token b is byte b) and one token a merge
/// from 256 on; split by `pattern` as Llama 3 does. Pieces are given as bytes.
inline text::Json byte_level_json(
    const std::vector<std::pair<std::string, std::string>>& merges = {},
    const std::string& pattern = kLlama3Pattern) {
    text::Json vocabulary = text::Json::object(), list = text::Json::array();
    for (unsigned b = 0; b < 256; ++b)
        vocabulary[text::byte_character(static_cast<std::uint8_t>(b))] = b;
    for (const auto& [left, right] : merges) {
        vocabulary.emplace(text::spell_bytes(left + right), vocabulary.size());
        list.push_back({text::spell_bytes(left), text::spell_bytes(right)});
    }
    const text::Json split = {{"type", "Split"},
                              {"pattern", {{"Regex", pattern}}},
                              {"behavior", "Isolated"},
                              {"invert", false}};
    const text::Json bytes = {
        {"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens", text::Json::array()},
            {"normalizer", nullptr},
            {"pre_tokenizer",
             {{"type", "Sequence"}, {"pretokenizers", text::Json::array({split, bytes})}}},
            {"post_processor", nullptr},
            {"decoder", {{"type", "ByteLevel"}}},
            {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", list}}}};
}

inline text::Json added_token(const std::string& content, int id, bool special = true,
                              bool normalized = false) {
    return {{"id", id},
            {"content", content},
            {"special", special},
            {"normalized", normalized},
            {"single_word", false},
            {"lstrip", false},
            {"rstrip", false}};
}

inline std::unique_ptr<text::Tokenizer> make_tokenizer(const text::Json& document,
                                                       const text::TokenizerConfig& config = {}) {
    return text::json_tokenizer(document, config, "tokenizer.json", "hash");
}

using Tokens = std::vector<text::Token>;

/// The bytes of a text as tokens of byte_level_json.
inline Tokens byte_tokens(const std::string& text) {
    Tokens out;
    for (const char c : text) out.push_back(static_cast<unsigned char>(c));
    return out;
}

/// " Yes" is token 258, " No" is 260, "? " is 261, <s> is 262 and </s> is 263.
inline std::unique_ptr<text::Tokenizer> answering(const text::TokenizerConfig& config = {}) {
    text::Json document =
        byte_level_json({{" ", "Y"}, {"e", "s"}, {" Y", "es"}, {" ", "N"}, {" N", "o"}, {"?", " "}},
                        R"(\?\s|\s?\S+)");
    document["added_tokens"] = {added_token("<s>", 262), added_token("</s>", 263)};
    return make_tokenizer(document, config);
}

inline text::PreferenceData preference_data(const std::vector<std::array<std::string, 3>>& lines) {
    text::PreferenceData out;
    out.path = "some.jsonl";
    for (const auto& [prompt, chosen, rejected] : lines)
        out.lines.push_back({prompt, chosen, rejected, {}, out.lines.size() + 1});
    return out;
}

}  // namespace prefdyn::test
