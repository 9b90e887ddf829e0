#pragma once
#include "sim/lm/text/tokenizer/special_tokens.hpp"

namespace prefdyn::text {

/// tokenizer.model through the SentencePiece library. A text that holds the name of a control token
/// (such as <s>) or of a token added beside the model is refused: programs disagree on whether it
/// is the token or the characters. `place` names the file.
std::unique_ptr<Tokenizer> sentencepiece_tokenizer(const std::string& model_bytes,
                                                   const TokenizerConfig& config,
                                                   const std::string& place);

}  // namespace prefdyn::text
