#pragma once
#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/tokenizer/special_tokens.hpp"

namespace prefdyn::text {

/// Puts in place what AutoTokenizer of transformers 5 puts over a tokenizer.json: some classes of
/// tokenisers have a normaliser, a pre-tokeniser and flags of their own, whatever the file says.
/// Throws InputError for a class that is not known.
void overrule(Json& document, const TokenizerConfig& config, const std::string& place);

/// Tokens that the class of the tokeniser has where no file names others: "<|endoftext|>" as
/// eos_token and so on.
std::vector<std::string> default_tokens(const Json& document, const TokenizerConfig& config);

}  // namespace prefdyn::text
