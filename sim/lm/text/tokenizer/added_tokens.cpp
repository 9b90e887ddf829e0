#include "sim/lm/text/tokenizer/added_tokens.hpp"

#include <unicode/uchar.h>

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
        token.single_word = flag_member(entry, "single_word", false, here);
        token.lstrip = flag_member(entry, "lstrip", false, here);
        token.rstrip = flag_member(entry, "rstrip", false, here);
        out.push_back(token);
    }
    return out;
}

namespace {

/// Where the code point begins that ends at `at`.
std::size_t previous(std::string_view text, std::size_t at) {
    do --at;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0u) == 0x80u);
    return at;
}

/// What regular expressions of Rust call a word character.
bool is_word(char32_t c) {
    const auto u = static_cast<UChar32>(c);
    return u_hasBinaryProperty(u, UCHAR_ALPHABETIC) ||
           (U_GET_GC_MASK(u) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0 ||
           u_hasBinaryProperty(u, UCHAR_JOIN_CONTROL);
}

bool is_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0; }

bool word_before(std::string_view text, std::size_t at) {
    if (at == 0) return false;
    std::size_t from = previous(text, at);
    return is_word(next_code_point(text, from));
}

bool word_behind(std::string_view text, std::size_t at) {
    return at < text.size() && is_word(next_code_point(text, at));
}

/// Where the white space begins that ends at `at`.
std::size_t space_begin(std::string_view text, std::size_t at) {
    while (at > 0) {
        const std::size_t from = previous(text, at);
        std::size_t next = from;
        if (!is_space(next_code_point(text, next))) break;
        at = from;
    }
    return at;
}

/// Where the white space ends that begins at `at`.
std::size_t space_end(std::string_view text, std::size_t at) {
    for (std::size_t next = at; at < text.size(); at = next)
        if (!is_space(next_code_point(text, next))) break;
    return at;
}

}  // namespace

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
    std::size_t start = 0, at = 0;  // the segment that is open, and where to look
    const auto gap = [&](std::size_t end) {
        if (end > start) out.push_back({text.substr(start, end - start), -1});
    };
    while (at < text.size()) {
        const Entry* entry = longest_at(text.substr(at));
        if (!entry) {
            ++at;
            continue;
        }
        std::size_t begin = at, end = at + entry->content.size();
        at = end;
        if (entry->token.single_word && (word_before(text, begin) || word_behind(text, end)))
            continue;
        if (entry->token.lstrip) begin = std::max(start, space_begin(text, begin));
        if (entry->token.rstrip) end = space_end(text, end);
        gap(begin);
        out.push_back({text.substr(begin, end - begin), entry->token.id});
        start = end;
        at = std::max(at, end);
    }
    gap(text.size());
    return out;
}

}  // namespace prefdyn::text
