#include "sim/lm/text/tokenizer/normalizer.hpp"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include <algorithm>
#include <limits>

#include "sim/base/failure.hpp"
#include "sim/lm/text/tokenizer/bpe.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

void require_success(UErrorCode status, const char* what) {
    if (U_FAILURE(status))
        throw InputError(std::string(what) + ": normalising failed: " + u_errorName(status));
}

/// Calls `convert(buffer, capacity, status)` once for the length and once for the content.
template <class Unit, class Convert>
std::vector<Unit> sized(Convert convert) {
    UErrorCode status = U_ZERO_ERROR;
    const std::int32_t length = convert(nullptr, 0, &status);
    if (status != U_BUFFER_OVERFLOW_ERROR) require_success(status, "length");
    std::vector<Unit> out(static_cast<std::size_t>(length) + 1);
    status = U_ZERO_ERROR;
    convert(out.data(), length + 1, &status);
    require_success(status, "text");
    out.resize(static_cast<std::size_t>(length));
    return out;
}

/// Tokenisers in use normalise by the tables of Unicode 9: a later character that takes part in
/// normalisation (a new combining mark) is left in its place by them and moved by newer ones.
void require_stable(const UNormalizer2* form, const std::vector<UChar>& wide) {
    for (std::size_t at = 0; at < wide.size();) {
        UChar32 c = 0;
        U16_NEXT(wide.data(), at, wide.size(), c);
        UVersionInfo age{};
        u_charAge(c, age);
        if (age[0] <= 9 || unorm2_isInert(form, c)) continue;
        std::string character;
        append_utf8(character, static_cast<char32_t>(c));
        throw InputError("the text holds " + in_quotes(character) + ", a character of Unicode " +
                             std::to_string(int{age[0]}) +
                             " whose place under normalisation depends on the version",
                         kElsewhere);
    }
}

const UNormalizer2* tables_of(const std::string& form) {
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2* out = form == "NFC"    ? unorm2_getNFCInstance(&status)
                              : form == "NFD"  ? unorm2_getNFDInstance(&status)
                              : form == "NFKC" ? unorm2_getNFKCInstance(&status)
                                               : unorm2_getNFKDInstance(&status);
    require_success(status, "tables");
    return out;
}

std::string normal_form(const std::string& name, std::string_view text) {
    if (text.size() > std::numeric_limits<std::int32_t>::max() / 32)
        throw InputError("a text of " + std::to_string(text.size()) + " bytes is too long for " +
                         name);
    if (text.empty()) return {};
    const auto bytes = static_cast<std::int32_t>(text.size());
    const UNormalizer2* form = tables_of(name);
    const auto wide = sized<UChar>([&](UChar* out, std::int32_t capacity, UErrorCode* error) {
        std::int32_t length = 0;
        u_strFromUTF8(out, capacity, &length, text.data(), bytes, error);
        return length;
    });
    require_stable(form, wide);
    const auto normal = sized<UChar>([&](UChar* out, std::int32_t capacity, UErrorCode* error) {
        return unorm2_normalize(form, wide.data(), static_cast<std::int32_t>(wide.size()), out,
                                capacity, error);
    });
    const auto narrow = sized<char>([&](char* out, std::int32_t capacity, UErrorCode* error) {
        std::int32_t length = 0;
        u_strToUTF8(out, capacity, &length, normal.data(), static_cast<std::int32_t>(normal.size()),
                    error);
        return length;
    });
    return {narrow.begin(), narrow.end()};
}

/// Character by character, whatever its neighbours; one character has two for its small form.
std::string lower_case(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const char32_t c = next_code_point(text, at);
        if (c == 0x130)
            out += "i\u0307";
        else
            append_utf8(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
    }
    return out;
}

/// As the tables of this version of Unicode have it, which tokenizers look classes up in, but for
/// the few characters that have moved to another class since.
bool was_in(std::uint32_t classes, char32_t c, int version) {
    UVersionInfo age{};
    u_charAge(static_cast<UChar32>(c), age);
    return age[0] <= version && (U_GET_GC_MASK(static_cast<UChar32>(c)) & classes) != 0;
}

/// `put` appends what stands for a character.
template <class Put>
std::string by_character(std::string_view text, Put put) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) put(out, next_code_point(text, at));
    return out;
}

bool is_white_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0; }

void put_clean(std::string& out, char32_t c) {
    constexpr std::uint32_t kOther = U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK;
    const bool kept = c == '\t' || c == '\n' || c == '\r';
    if (c == 0 || c == 0xFFFD || (!kept && was_in(kOther, c, 8))) return;
    append_utf8(out, kept || is_white_space(c) ? U' ' : c);
}

void put_chinese(std::string& out, char32_t c) {
    constexpr std::pair<char32_t, char32_t> kRanges[] = {
        {0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
        {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
    const bool apart = std::ranges::any_of(
        kRanges, [&](const auto& range) { return c >= range.first && c <= range.second; });
    if (apart) out += ' ';
    append_utf8(out, c);
    if (apart) out += ' ';
}

void put_unless_accent(std::string& out, char32_t c) {
    constexpr std::u32string_view kCame = U"\U000111C9\U00001885\U00001886\U0000A9BD";
    const bool now = was_in(U_GC_MN_MASK, c, 8) && kCame.find(c) == kCame.npos;
    if (!now && c != 0x1734) append_utf8(out, c);
}

void put_unless_mark(std::string& out, char32_t c) {
    const bool now = was_in(U_GC_M_MASK, c, 9) && c != 0x111C9;
    if (!now && c != 0x1CF2 && c != 0x1CF3) append_utf8(out, c);
}

/// White space at the ends left out.
std::string stripped(std::string_view text, bool left, bool right) {
    std::size_t first = text.size(), behind = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t from = at;
        if (is_white_space(next_code_point(text, at))) continue;
        first = std::min(first, from);
        behind = at;
    }
    if (!left) first = 0;
    if (!right) behind = text.size();
    return first < behind ? std::string(text.substr(first, behind - first)) : std::string();
}

}  // namespace

std::string compose(std::string_view text) { return normal_form("NFC", text); }

Normalizer::Normalizer(const Json* description, const std::string& place) {
    if (description) read(*description, place);
}

void Normalizer::read(const Json& description, const std::string& place) {
    const std::string& type = text_member(description, "type", place);
    if (type == "Sequence") {
        const Json& steps = member(description, "normalizers", place);
        require_array(steps, place + "/normalizers");
        for (const Json& step : steps) read(step, place + "/normalizers");
    } else if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
        steps_.push_back({.kind = Step::Kind::kUnicode, .form = type});
    } else if (type == "Lowercase") {
        steps_.push_back({.kind = Step::Kind::kLowercase});
    } else if (type == "StripAccents") {
        steps_.push_back({.kind = Step::Kind::kMarks});
    } else if (type == "Strip") {
        steps_.push_back({.kind = Step::Kind::kStrip,
                          .left = flag_member(description, "strip_left", true, place),
                          .right = flag_member(description, "strip_right", true, place)});
    } else if (type == "BertNormalizer") {
        read_bert(description, place);
    } else if (type == "Prepend") {
        steps_.push_back(
            {.kind = Step::Kind::kPrepend, .content = text_member(description, "prepend", place)});
    } else if (type == "Replace") {
        steps_.push_back({.kind = Step::Kind::kReplace,
                          .content = text_member(description, "content", place),
                          .pattern = read_pattern(description, place)});
    } else {
        throw InputError(place + ": normaliser " + in_quotes(type) +
                             " is not known, known are NFC, NFD, NFKC, NFKD, Lowercase, "
                             "StripAccents, Strip, Prepend, Replace, BertNormalizer and Sequence",
                         kElsewhere);
    }
}

void Normalizer::read_bert(const Json& description, const std::string& place) {
    const bool lower = flag_member(description, "lowercase", true, place);
    if (flag_member(description, "clean_text", true, place))
        steps_.push_back({.kind = Step::Kind::kClean});
    if (flag_member(description, "handle_chinese_chars", true, place))
        steps_.push_back({.kind = Step::Kind::kChinese});
    if (flag_member(description, "strip_accents", lower, place)) {
        steps_.push_back({.kind = Step::Kind::kUnicode, .form = "NFD"});
        steps_.push_back({.kind = Step::Kind::kAccents});
    }
    if (lower) steps_.push_back({.kind = Step::Kind::kLowercase});
}

std::string Normalizer::apply(std::string_view text) const {
    std::string out(text);
    for (const Step& step : steps_) {
        if (step.kind == Step::Kind::kUnicode) out = normal_form(step.form, out);
        if (step.kind == Step::Kind::kLowercase) out = lower_case(out);
        if (step.kind == Step::Kind::kClean) out = by_character(out, put_clean);
        if (step.kind == Step::Kind::kChinese) out = by_character(out, put_chinese);
        if (step.kind == Step::Kind::kAccents) out = by_character(out, put_unless_accent);
        if (step.kind == Step::Kind::kMarks) out = by_character(out, put_unless_mark);
        if (step.kind == Step::Kind::kStrip) out = stripped(out, step.left, step.right);
        if (step.kind == Step::Kind::kPrepend && !out.empty()) out.insert(0, step.content);
        if (step.kind != Step::Kind::kReplace) continue;
        std::string replaced;
        for (const auto& part : step.pattern->parts(out))
            replaced += part.matched ? step.content : std::string(part.text);
        out = std::move(replaced);
    }
    return out;
}

}  // namespace prefdyn::text
