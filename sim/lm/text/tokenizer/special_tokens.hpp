#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/lm/text/tokenizer.hpp"

namespace prefdyn::text {

/// How a token is looked for, as AddedToken has it.
struct TokenRules {
    bool lstrip = false, rstrip = false, single_word = false, normalized = false;
    bool operator==(const TokenRules&) const = default;
};

/// What the files beside a tokeniser say: names, not ids.
struct TokenizerConfig {
    std::string path = {};  ///< where bos and eos come from; empty if there is no such file
    std::optional<std::string> bos = {}, eos = {};
    std::optional<bool> add_bos = {};
    /// Contents of tokens that any file names beside the tokeniser's own vocabulary.
    std::vector<std::string> added = {};
    /// Of these, those whose rules about white space, words and normalisation are said.
    std::map<std::string, TokenRules> rules = {};
    std::set<std::string> decoder = {};  ///< those of added_tokens_decoder, whose rules count
    std::set<std::string> keys = {};     ///< "eos_token" and the like, as far as any file has them
    bool has_settings = false;           ///< there is a tokenizer_config.json
    std::string tokenizer_class = {};    ///< empty: not named
    std::string model_type = {};         ///< of the config.json beside, empty if there is none
    std::optional<bool> add_prefix_space = {}, legacy = {};
};

TokenizerConfig read_tokenizer_config(const std::string& folder);

/// Ids for the names in `config`; InputError if the tokeniser has no such piece.
SpecialTokens resolve(const TokenizerConfig& config, const Tokenizer& tokenizer);

}  // namespace prefdyn::text
