#pragma once
// The published two-column form of dialogue preferences,
//   {"chosen": "\n\nHuman: ...\n\nAssistant: ...", "rejected": "\n\nHuman: ...\n\nAssistant: ..."},
// made into prompt, chosen, rejected: the prompt is the chosen dialogue up to and with its last
// "\n\nAssistant:" (as trl splits it), the answers are what follows it in either dialogue. Rows of
// messages, and of a question with two answers, are made into such texts first (messages.hpp).

#include <array>
#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

#include "sim/lm/text/json_lines.hpp"

namespace prefdyn::text {

inline constexpr std::string_view kAssistantTurn = "\n\nAssistant:";

/// What two dialogues have in common, and what of them parts. They are views of the two texts.
struct DialoguePair {
    std::string_view prompt, chosen, rejected;
};

/// Why two dialogues are no pair of answers to one prompt.
enum class DialogueFault {
    kNone,
    kNoAssistant,
    kOtherPrompt,
    kEmptyAnswer,
    kSameAnswer,
    kNoPrompt,
    kNotAssistant,
    kOtherRole,
};
inline constexpr std::size_t kDialogueFaults = 8;

/// "the rejected dialogue does not begin with the prompt of the chosen one" and the like.
std::string fault_text(DialogueFault fault);

/// `out` is set as far as the fault allows.
DialogueFault split_dialogues(std::string_view chosen, std::string_view rejected,
                              DialoguePair& out);

struct DialogueCount {
    struct Skipped {
        std::size_t lines = 0, first = 0;  ///< how many, and the number of the first of them
    };
    std::size_t written = 0;
    std::size_t messages = 0;                        ///< of those, rows that messages.hpp reads
    std::array<Skipped, kDialogueFaults> skipped{};  ///< by fault
    std::size_t skipped_lines() const;
};

struct DialogueOptions {
    bool skip_bad = false;  ///< lines whose dialogues are no pair are counted, not an error
    LineLimits limits = {};
};

/// Reads lines from `in` and writes their pairs to `out`, one JSON object a line with the keys
/// prompt, chosen, rejected. Throws InputError with file, line and hint, also for damaged lines
/// under `skip_bad` and where no line is left; Interrupted on request.
DialogueCount convert_dialogues(std::istream& in, const std::string& path, std::ostream& out,
                                const DialogueOptions& options = {});

}  // namespace prefdyn::text
