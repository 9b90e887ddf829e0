#include "sim/lm/text/messages.hpp"

#include <algorithm>

#include "sim/base/failure.hpp"

namespace prefdyn::text {

namespace {

struct Message {
    std::string role, content;
    bool operator==(const Message&) const = default;
};
using Messages = std::vector<Message>;

bool is_list(const Json& row, const char* key) {
    const auto found = row.find(key);
    return found != row.end() && found->is_array();
}

Messages messages_of(const Json& row, const char* key, const std::string& place) {
    const Json& list = member(row, key, place);
    const std::string here = place + "/" + key;
    if (!list.is_array())
        throw InputError(here + ": is no list of messages, others of the row are");
    Messages out;
    for (const Json& each : list) {
        require_object(each, here);
        out.push_back({plain_member(each, "role", here), plain_member(each, "content", here)});
    }
    return out;
}

Message said(const char* role, const std::string& content) { return {role, content}; }

/// One question and two answers.
void one_turn(const Json& row, const std::string& place, Messages& prompt, Messages& chosen,
              Messages& rejected) {
    const bool alpaca = row.contains("instruction");
    const char* const more = alpaca ? "input" : "system";
    const Json* extra = find_member(row, more, place);
    const std::string rest = extra ? plain_member(row, more, place) : "";
    const std::string& asked = plain_member(row, alpaca ? "instruction" : "question", place);
    if (!alpaca && !rest.empty()) prompt.push_back(said("system", rest));
    const std::string input = alpaca && !rest.empty() ? "\n\n" + rest : "";
    prompt.push_back(said("user", asked + input));
    chosen.push_back(said("assistant", plain_member(row, "chosen", place)));
    rejected.push_back(said("assistant", plain_member(row, "rejected", place)));
}

/// Moves what both begin with alike to the prompt.
void split(Messages& prompt, Messages& chosen, Messages& rejected) {
    const auto parted = std::ranges::mismatch(chosen, rejected);
    const auto shared = parted.in1 - chosen.begin();
    prompt.assign(chosen.begin(), chosen.begin() + shared);
    chosen.erase(chosen.begin(), chosen.begin() + shared);
    rejected.erase(rejected.begin(), rejected.begin() + shared);
}

/// Nothing if a role or its place is not that of a dialogue.
bool append(const Messages& messages, std::string& out) {
    for (const Message& each : messages) {
        if (each.role == "user")
            out.append("\n\nHuman: ").append(each.content);
        else if (each.role == "assistant")
            out.append(kAssistantTurn).append(" ").append(each.content);
        else if (each.role == "system" && out.empty())
            out = each.content;
        else
            return false;
    }
    return true;
}

/// What follows the prompt's kAssistantTurn.
bool answer(const Messages& messages, std::string& out) {
    std::string all;
    out.clear();
    if (!append(messages, all)) return false;
    out = all.substr(kAssistantTurn.size());
    return true;
}

}  // namespace

bool holds_messages(const Json& row) {
    if (!row.is_object()) return false;
    const bool pair = row.contains("chosen") && row.contains("rejected");
    return is_list(row, "prompt") || is_list(row, "chosen") || is_list(row, "rejected") ||
           (pair && (row.contains("instruction") || row.contains("question")));
}

DialogueFault dialogue_of(const Json& row, const std::string& place, DialogueTexts& out) {
    Messages prompt, chosen, rejected;
    const bool lists = is_list(row, "prompt") || is_list(row, "chosen") || is_list(row, "rejected");
    if (lists) {
        chosen = messages_of(row, "chosen", place);
        rejected = messages_of(row, "rejected", place);
        if (is_list(row, "prompt"))
            prompt = messages_of(row, "prompt", place);
        else
            split(prompt, chosen, rejected);
    } else {
        one_turn(row, place, prompt, chosen, rejected);
    }
    if (chosen == rejected) return DialogueFault::kSameAnswer;
    if (prompt.empty()) return DialogueFault::kNoPrompt;
    for (const Messages* each : {&chosen, &rejected}) {
        if (each->empty()) return DialogueFault::kEmptyAnswer;
        if (each->front().role != "assistant") return DialogueFault::kNotAssistant;
        if (each->front().content.empty()) return DialogueFault::kEmptyAnswer;
    }
    out.prompt.clear();
    if (!append(prompt, out.prompt) || !answer(chosen, out.chosen) ||
        !answer(rejected, out.rejected))
        return DialogueFault::kOtherRole;
    out.prompt.append(kAssistantTurn);
    return DialogueFault::kNone;
}

}  // namespace prefdyn::text
