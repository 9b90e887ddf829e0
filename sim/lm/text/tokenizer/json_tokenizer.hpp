#pragma once
#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/tokenizer/special_tokens.hpp"

namespace prefdyn::text {

/// A tokenizer.json: BPE on bytes (GPT-2, Llama 3, Qwen 2) or on characters, or Unigram, as the
/// tokenizers library reads it. `place` names the file, `hash` is that of its bytes.
std::unique_ptr<Tokenizer> json_tokenizer(const Json& document, const TokenizerConfig& config,
                                          const std::string& place, const std::string& hash);

}  // namespace prefdyn::text
