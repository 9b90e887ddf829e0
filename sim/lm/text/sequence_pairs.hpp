#pragma once
// Preference pairs as token sequences with answers of any length: prompt and answer together, and
// where the answer begins. A model of them reads all but the last token, which it only predicts.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/lm/text/prompts.hpp"

namespace prefdyn::text {

struct SequenceOptions {
    PromptFormat format;
    bool eos = false;        ///< the tokeniser's eos behind each answer
    bool one_token = false;  ///< the answer is the first token in which both differ: tokenize()
    std::ptrdiff_t max_length =
        0;                       ///< tokens of prompt and answer at most, the last are cut; 0: any
    std::ptrdiff_t context = 0;  ///< tokens the model reads at most, at least 1; 0: any number
    bool truncate = false;       ///< drop the first tokens of prompts that are too long, never bos
    Token vocabulary = 0;        ///< ids of the model are 0 .. vocabulary - 1; 0: not checked
    Token image = -1;            ///< stands for an image, which is refused; -1: no such
};

/// The prompt is what the tokens of the prompt alone, of prompt and chosen, and of prompt and
/// rejected answer begin with alike. Whole texts are tokenised: where the prompt's last tokens
/// change when an answer follows, they belong to the answers.
struct SequencePair {
    std::vector<Token> chosen, rejected;  ///< prompt and answer
    std::size_t prompt = 0;  ///< tokens both begin with, masked in the loss; at least 1
    std::int8_t label = 0;   ///< as in TokenizedPrompts; 0 in every pair of data whose lines do not
                             ///< compare the same two answers
    std::size_t line = 0;    ///< in the data file
};

struct SequencePairs {
    std::string name, path;
    std::vector<SequencePair> pairs;
    PromptFormat format;
    std::string tokenizer_hash, data_hash;
    std::string note;           ///< of the tokeniser
    std::size_t filtered = 0;   ///< lines dropped by the confidence filter
    std::size_t truncated = 0;  ///< pairs whose prompt lost tokens
    std::size_t shortened = 0;  ///< pairs whose answers lost tokens to max_length
    std::size_t filled = 0;     ///< pairs dropped, as the prompt alone has max_length tokens

    /// Tokens of the longest sequence.
    std::size_t longest() const;
    /// Of the pairs; their lines do not count.
    std::string hash() const;
};

/// Throws InputError naming file and line of a pair without a prompt token, with an empty answer,
/// with twice the same tokens, with an id outside the vocabulary or of an image, or longer than the
/// context.
SequencePairs sequence_pairs(const Tokenizer& tokenizer, const PreferenceData& data,
                             const SequenceOptions& options);

}  // namespace prefdyn::text
