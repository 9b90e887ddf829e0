#pragma once
#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/tokenizer/special_tokens.hpp"

namespace prefdyn::text {

/// tokenizer.json of the byte-level BPE kind (GPT-2, Llama 3, Qwen 2). `place` names the file,
/// `hash` is that of its bytes.
std::unique_ptr<Tokenizer> byte_level_tokenizer(const Json& document, const TokenizerConfig& config,
                                                const std::string& place, const std::string& hash);

}  // namespace prefdyn::text
