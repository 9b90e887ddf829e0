#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sim/lm/text/tokenizer.hpp"

namespace prefdyn::text {

/// What the files beside a tokeniser say: names, not ids.
struct TokenizerConfig {
    std::string path = {};  ///< where bos and eos come from; empty if there is no such file
    std::optional<std::string> bos = {}, eos = {};
    std::optional<bool> add_bos = {};
    /// Contents of tokens that any file names beside the tokeniser's own vocabulary.
    std::vector<std::string> added = {};
    bool has_settings = false;         ///< there is a tokenizer_config.json
    std::string tokenizer_class = {};  ///< empty: not named
    std::string model_type = {};       ///< of the config.json beside, empty if there is none
    std::optional<bool> add_prefix_space = {}, legacy = {};
};

TokenizerConfig read_tokenizer_config(const std::string& folder);

/// Ids for the names in `config`; InputError if the tokeniser has no such piece.
SpecialTokens resolve(const TokenizerConfig& config, const Tokenizer& tokenizer);

}  // namespace prefdyn::text
