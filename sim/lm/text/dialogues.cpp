#include "sim/lm/text/dialogues.hpp"

#include <istream>
#include <ostream>

#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/text/messages.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

void require_two_columns(const Json& object, const std::string& place) {
    require_object(object, place);
    if (object.contains("prompt"))
        throw InputError(place + ": has the field 'prompt'",
                         "lines with prompt, chosen, rejected need no conversion");
}

std::string line_of(const DialoguePair& pair) {
    nlohmann::ordered_json object;
    object["prompt"] = pair.prompt;
    object["chosen"] = pair.chosen;
    object["rejected"] = pair.rejected;
    return object.dump() + "\n";
}

/// The end of a text, where what is wrong with a dialogue shows.
std::string end_of(std::string_view text) {
    constexpr std::size_t kShown = 60;
    if (text.size() <= kShown) return in_quotes(text);
    std::size_t from = text.size() - kShown;
    while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0u) == 0x80u) ++from;
    return "..." + in_quotes(text.substr(from));
}

[[noreturn]] void refuse(DialogueFault fault, const std::string& place, std::string_view chosen,
                         std::string_view rejected) {
    throw InputError(place + ": " + fault_text(fault) + "; chosen " + end_of(chosen) +
                         ", rejected " + end_of(rejected),
                     "--skip-bad leaves such lines out and counts them");
}

void count_skipped(DialogueCount& count, DialogueFault fault, std::size_t line) {
    auto& skipped = count.skipped[static_cast<std::size_t>(fault)];
    if (skipped.lines++ == 0) skipped.first = line;
}

void require_some(const DialogueCount& count, const std::string& path) {
    if (count.written > 0) return;
    const std::size_t skipped = count.skipped_lines();
    throw InputError(path + ": no pair is left" +
                     (skipped > 0 ? ", all " + std::to_string(skipped) + " lines were skipped"
                                  : ", the file is empty"));
}

}  // namespace

std::string fault_text(DialogueFault fault) {
    constexpr const char* kTexts[kDialogueFaults] = {
        "nothing is wrong",
        "the chosen dialogue has no '\\n\\nAssistant:'",
        "the rejected dialogue does not begin with the prompt of the chosen one",
        "an answer is empty",
        "both answers are the same",
        "there is no message before the answers",
        "an answer is not the assistant's",
        "a message is neither by user nor assistant, nor the system's at the beginning"};
    return kTexts[static_cast<std::size_t>(fault)];
}

DialogueFault split_dialogues(std::string_view chosen, std::string_view rejected,
                              DialoguePair& out) {
    const auto turn = chosen.rfind(kAssistantTurn);
    if (turn == chosen.npos) return DialogueFault::kNoAssistant;
    out.prompt = chosen.substr(0, turn + kAssistantTurn.size());
    out.chosen = chosen.substr(out.prompt.size());
    if (!rejected.starts_with(out.prompt)) return DialogueFault::kOtherPrompt;
    out.rejected = rejected.substr(out.prompt.size());
    if (out.chosen.empty() || out.rejected.empty()) return DialogueFault::kEmptyAnswer;
    return out.chosen == out.rejected ? DialogueFault::kSameAnswer : DialogueFault::kNone;
}

std::size_t DialogueCount::skipped_lines() const {
    std::size_t sum = 0;
    for (const Skipped& each : skipped) sum += each.lines;
    return sum;
}

namespace {

/// `texts` gets both dialogues, `pair` views of them.
DialogueFault two_columns(const Json& object, const std::string& place, DialogueTexts& texts,
                          DialoguePair& pair) {
    require_two_columns(object, place);
    texts.chosen = plain_member(object, "chosen", place);
    texts.rejected = plain_member(object, "rejected", place);
    return split_dialogues(texts.chosen, texts.rejected, pair);
}

}  // namespace

DialogueCount convert_dialogues(std::istream& in, const std::string& path, std::ostream& out,
                                const DialogueOptions& options) {
    DialogueCount count;
    JsonLines lines(in, path, options.limits);
    while (const auto object = lines.next()) {
        stop_if_requested();
        const bool messages = holds_messages(*object);
        DialogueTexts texts;
        DialoguePair pair;
        const DialogueFault fault = messages ? dialogue_of(*object, lines.place(), texts)
                                             : two_columns(*object, lines.place(), texts, pair);
        if (messages) pair = {texts.prompt, texts.chosen, texts.rejected};
        if (fault == DialogueFault::kNone) {
            if (!(out << line_of(pair)))
                throw WriteError(lines.place() + ": what is made of it cannot be written",
                                 "is the disk full?");
            ++count.written;
            count.messages += messages;
        } else if (options.skip_bad) {
            count_skipped(count, fault, lines.number());
        } else {
            refuse(fault, lines.place(), messages ? (*object)["chosen"].dump() : texts.chosen,
                   messages ? (*object)["rejected"].dump() : texts.rejected);
        }
    }
    require_some(count, path);
    return count;
}

}  // namespace prefdyn::text
