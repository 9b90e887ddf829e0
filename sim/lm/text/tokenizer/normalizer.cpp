#include "sim/lm/text/tokenizer/normalizer.hpp"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

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
        steps_.push_back({Step::Kind::kUnicode, type, {}, {}});
    } else if (type == "Lowercase") {
        steps_.push_back({Step::Kind::kLowercase, {}, {}, {}});
    } else if (type == "Prepend") {
        steps_.push_back(
            {Step::Kind::kPrepend, {}, text_member(description, "prepend", place), {}});
    } else if (type == "Replace") {
        steps_.push_back({Step::Kind::kReplace,
                          {},
                          text_member(description, "content", place),
                          read_pattern(description, place)});
    } else {
        throw InputError(place + ": normaliser " + in_quotes(type) +
                             " is not known, known are NFC, NFD, NFKC, NFKD, Lowercase, Prepend, "
                             "Replace and Sequence",
                         kElsewhere);
    }
}

std::string Normalizer::apply(std::string_view text) const {
    std::string out(text);
    for (const Step& step : steps_) {
        if (step.kind == Step::Kind::kUnicode) out = normal_form(step.form, out);
        if (step.kind == Step::Kind::kLowercase) out = lower_case(out);
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
