#pragma once
// Rows of messages, {"role", "content"}, and of one question with two answers, as the text of
// dialogues: "\n\nHuman: " before what a user says, "\n\nAssistant: " before the assistant, what a
// system says before all. A model's own chat template is another matter (analysis/prefdyn/data.py).

#include "sim/lm/text/dialogues.hpp"
#include "sim/lm/text/json_input.hpp"

namespace prefdyn::text {

/// Whether a row is of one of the forms
///   prompt (messages), chosen, rejected (messages): TRL's explicit prompt;
///   chosen, rejected (messages), and any other prompt: implicit, it is what both begin with alike;
///   instruction, input, chosen, rejected (texts);  system, question, chosen, rejected (texts).
bool holds_messages(const Json& row);

struct DialogueTexts {
    std::string prompt, chosen, rejected;  ///< the prompt ends with kAssistantTurn
};
/// Of such a row. Throws InputError for a field that is missing or of another type; `out` is set
/// where there is no fault.
DialogueFault dialogue_of(const Json& row, const std::string& place, DialogueTexts& out);

}  // namespace prefdyn::text
