#define PCRE2_CODE_UNIT_WIDTH 8
#include "sim/lm/text/tokenizer/split_pattern.hpp"

#include <pcre2.h>

#include <array>

#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/stopwatch.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

PCRE2_SPTR bytes(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

std::string message(int error) {
    std::array<PCRE2_UCHAR, 256> buffer{};
    pcre2_get_error_message(error, buffer.data(), buffer.size());
    return reinterpret_cast<const char*>(buffer.data());
}

std::shared_ptr<void> compile(const std::string& pattern, const std::string& place) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code* code = pcre2_compile(bytes(pattern), pattern.size(), PCRE2_UTF | PCRE2_UCP, &error,
                                     &offset, nullptr);
    if (!code)
        throw InputError(place + ": pre-tokeniser pattern " + in_quotes(pattern, 300) +
                         " is not valid: " + message(error));
    return {code, [](void* p) { pcre2_code_free(static_cast<pcre2_code*>(p)); }};
}

using MatchData = std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)>;

/// Finds the matches of one compiled pattern in one text, from left to right.
class Search {
  public:
    Search(const std::shared_ptr<void>& code, std::string_view text)
        : code_(static_cast<const pcre2_code*>(code.get())),
          text_(text),
          data_(pcre2_match_data_create_from_pattern(code_, nullptr), pcre2_match_data_free) {
        if (!data_) throw std::bad_alloc();
    }

    /// Next match at or behind `from`: 1, or PCRE2's error, which may be "no match". `options`:
    /// PCRE2_ANCHORED finds one that begins at `from`.
    int next(std::size_t from, std::size_t& begin, std::size_t& end, std::uint32_t options = 0) {
        const int found = pcre2_match(code_, bytes(text_), text_.size(), from,
                                      PCRE2_NO_UTF_CHECK | options, data_.get(), nullptr);
        if (found < 0) return found;
        const PCRE2_SIZE* place = pcre2_get_ovector_pointer(data_.get());
        begin = place[0];
        end = place[1];
        return 1;
    }

  private:
    const pcre2_code* code_;
    std::string_view text_;
    MatchData data_;
};

/// One start at a time, because only between two of them can a search be ended: PCRE2 limits what
/// one start takes, not how many there are.
class PatientSearch {
  public:
    PatientSearch(const std::shared_ptr<void>& code, std::string_view text,
                  const std::string& place)
        : search_(code, text), text_(text), place_(place) {}

    int next(std::size_t from, std::size_t& begin, std::size_t& end) {
        for (std::size_t at = from; at < text_.size(); at = behind(at)) {
            const double taken = watch_.seconds();
            if (taken > kPatience) stop_if_requested();
            if (taken > kMostSeconds)
                throw InputError(place_ + ": the pre-tokeniser pattern takes longer than " +
                                     std::to_string(static_cast<int>(kMostSeconds)) +
                                     " s on a text of " + std::to_string(text_.size()) +
                                     " bytes, " + in_quotes(text_, 40),
                                 "the pattern backtracks; shorten the text");
            const int found = search_.next(at, begin, end, PCRE2_ANCHORED);
            if (found != PCRE2_ERROR_NOMATCH) return found;
        }
        return PCRE2_ERROR_NOMATCH;
    }

  private:
    std::size_t behind(std::size_t at) const {
        do {
            ++at;
        } while (at < text_.size() && (static_cast<unsigned char>(text_[at]) & 0xc0) == 0x80);
        return at;
    }

    static constexpr double kMostSeconds = 10.0, kPatience = 0.1;
    Search search_;
    std::string_view text_;
    const std::string& place_;
    Stopwatch watch_;
};

}  // namespace

SplitPattern::SplitPattern(std::string_view published, const std::string& place)
    : code_(compile(translate_pattern(published, place), place)), place_(place) {}

SplitPattern SplitPattern::native(const std::string& pattern, const std::string& place) {
    SplitPattern out;
    out.code_ = compile(pattern, place);
    out.place_ = place;
    return out;
}

std::vector<Part> SplitPattern::parts(std::string_view text) const {
    std::vector<Part> out;
    PatientSearch search(code_, text, place_);
    const auto add = [&](std::size_t from, std::size_t to, bool matched) {
        if (to > from) out.push_back({text.substr(from, to - from), matched});
    };
    std::size_t at = 0;
    for (std::size_t begin = 0, end = 0; at < text.size(); at = end) {
        const int found = search.next(at, begin, end);
        if (found == PCRE2_ERROR_NOMATCH) break;
        if (found < 0)
            throw InputError(place_ + ": the pre-tokeniser pattern fails on the text " +
                             in_quotes(text) + ": " + message(found));
        if (end == begin)
            throw InputError(place_ + ": the pre-tokeniser pattern matches the empty text in " +
                             in_quotes(text));
        add(at, begin, false);
        add(begin, end, true);
    }
    add(at, text.size(), false);
    return out;
}

std::shared_ptr<SplitPattern> read_pattern(const Json& step, const std::string& place) {
    const Json& pattern = member(step, "pattern", place);
    const std::string here = place + "/pattern";
    if (find_member(pattern, "Regex", here))
        return std::make_shared<SplitPattern>(text_member(pattern, "Regex", here), place);
    std::string escaped;
    for (const char c : plain_member(pattern, "String", here))
        if (std::string_view("\\^$.|?*+()[]{}-#").find(c) != std::string_view::npos)
            escaped += {'\\', c};
        else
            escaped += c;
    if (escaped.empty()) throw InputError(here + "/String: is empty");
    return std::make_shared<SplitPattern>(SplitPattern::native(escaped, place));
}

std::optional<std::size_t> unassigned(std::string_view text) {
    static const std::shared_ptr<void> code = compile("\\p{Cn}", "unassigned");
    std::size_t begin = 0, end = 0;
    if (Search(code, text).next(0, begin, end) < 0) return std::nullopt;
    return begin;
}

std::string unicode_version() {
    std::array<char, 64> buffer{};
    pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, buffer.data());
    return buffer.data();
}

}  // namespace prefdyn::text
