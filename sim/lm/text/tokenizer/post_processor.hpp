#pragma once
#include <optional>

#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/tokenizer.hpp"

namespace prefdyn::text {

/// Known post-processors: none, ByteLevel, TemplateProcessing, RobertaProcessing, BertProcessing,
/// and sequences of them. Returns the token that a template puts in front of a single text, which
/// encode() leaves to its caller.
std::optional<Token> read_post_processor(const Json* description, const Tokenizer& tokenizer,
                                         const std::string& place);

}  // namespace prefdyn::text
