#include "sim/lm/text/tokenizer/added_tokens.hpp"

#include <algorithm>
#include <limits>

#include "sim/base/failure.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

std::vector<AddedToken> read_added_tokens(const Json& document, const std::string& place) {
    std::vector<AddedToken> out;
    const Json* list = find_member(document, "added_tokens", place);
    if (!list) return out;
    require_array(*list, place + "/added_tokens");
    for (std::size_t k = 0; k < list->size(); ++k) {
        const std::string here = place + "/added_tokens/" + std::to_string(k);
        const Json& entry = (*list)[k];
        AddedToken token;
        token.content = text_member(entry, "content", here);
        if (token.content.empty()) throw InputError(here + "/content: is empty");
        token.id = static_cast<Token>(
            integer_member(entry, "id", 0, std::numeric_limits<Token>::max() - 1, here));
        token.special = flag_member(entry, "special", false, here);
        token.normalized = flag_member(entry, "normalized", !token.special, here);
        for (const char* flag : {"single_word", "lstrip", "rstrip"})
            if (flag_member(entry, flag, false, here)) token.refused = flag;
        out.push_back(token);
    }
    return out;
}

void AddedTokenFinder::insert(const AddedToken& token, std::string content) {
    auto& list = by_first_byte_[content.front()];
    const auto shorter = [&](const Entry& e) { return e.content.size() < content.size(); };
    const auto place = std::find_if(list.begin(), list.end(), shorter);
    list.insert(place, {std::move(content), token});
}

const AddedTokenFinder::Entry* AddedTokenFinder::longest_at(std::string_view text) const {
    const auto list = by_first_byte_.find(text.front());
    if (list == by_first_byte_.end()) return nullptr;
    for (const Entry& entry : list->second)
        if (text.starts_with(entry.content)) return &entry;
    return nullptr;
}

std::vector<Segment> AddedTokenFinder::split(std::string_view text) const {
    std::vector<Segment> out;
    std::size_t start = 0, at = 0;
    const auto gap = [&](std::size_t end) {
        if (end > start) out.push_back({text.substr(start, end - start), -1});
    };
    while (at < text.size()) {
        const Entry* entry = longest_at(text.substr(at));
        if (!entry) {
            ++at;
            continue;
        }
        if (!entry->token.refused.empty())
            throw InputError("the text holds the added token " + in_quotes(entry->content) +
                                 ", whose flag " + entry->token.refused + " is not known here",
                             kElsewhere);
        gap(at);
        out.push_back({text.substr(at, entry->content.size()), entry->token.id});
        start = at += entry->content.size();
    }
    gap(text.size());
    return out;
}

}  // namespace prefdyn::text
