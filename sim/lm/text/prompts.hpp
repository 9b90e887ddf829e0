#pragma once
// From preference data to what the transformer reads: token ids of every prompt, the pair of tokens
// that stand for the two answers, and labels.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/lm/text/preferences.hpp"
#include "sim/lm/text/tokenizer.hpp"

namespace prefdyn::text {

/// How a prompt becomes the text that is tokenised.
struct PromptFormat {
    bool bos = false;                          ///< the tokeniser's bos in front
    std::string prompt_template = "{prompt}";  ///< with {prompt} exactly once
    std::string suffix;                        ///< after the template, e.g. "\n"
    /// The texts of the first (Yes, label +1) and second (No) answer; empty: those of the first
    /// line, Yes before No and (A) before (B) for persona data.
    std::array<std::string, 2> responses;
};

/// The two tokens that stand for the answers: the first in which they differ after the prompt.
struct ResponsePair {
    std::array<Token, 2> token{};      ///< first (Yes), second (No)
    std::array<std::string, 2> piece;  ///< as the vocabulary writes them
    std::array<std::string, 2> text;   ///< the answers they were found from
    std::vector<Token> shared;         ///< common to both answers before them, appended to prompts
};

struct TokenizedPrompts {
    std::string name;
    std::vector<std::vector<Token>> prompts;  ///< bos, template with prompt, suffix, pair.shared
    std::vector<std::int8_t> label;           ///< +1: the first answer is chosen
    std::vector<std::size_t> line;            ///< in the data file
    ResponsePair pair;
    PromptFormat format;
    std::string tokenizer_hash, data_hash;

    std::size_t longest() const;
    /// Of prompts, labels and pair.
    std::string hash() const;
};

/// Template with prompt and suffix, as text. InputError if the template is not valid.
std::string format_prompt(const PromptFormat& format, const std::string& prompt);

/// Token ids of a whole text, bos in front if the format asks for it.
std::vector<Token> encode_whole(const Tokenizer& tokenizer, const PromptFormat& format,
                                const std::string& text);

/// The texts of the first and the second answer: those of the format, else the two of persona data,
/// else those of the first line.
std::array<std::string, 2> answer_texts(const PreferenceData& data, const PromptFormat& format);

/// Drops `count` tokens at the front, behind the first of all if `keep_first` (a bos put there).
void drop_front(std::vector<Token>& ids, std::size_t count, bool keep_first);

/// Where two answers to one prompt part: `prompt` and `shared` together are what both have in
/// common. Throws InputError if the prompt's last token changes when an answer follows, or if the
/// tokens of one answer begin with all of the other's.
struct Parting {
    std::vector<Token> prompt, shared;
    std::array<Token, 2> token{};
};
Parting part(const Tokenizer& tokenizer, const PromptFormat& format, const std::string& prompt,
             const std::string& first, const std::string& second);

/// Throws InputError naming file and line unless every line's answers come down to one pair.
TokenizedPrompts tokenize(const Tokenizer& tokenizer, const PreferenceData& data,
                          const PromptFormat& format);

}  // namespace prefdyn::text
