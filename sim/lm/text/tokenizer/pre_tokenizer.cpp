#include "sim/lm/text/tokenizer/pre_tokenizer.hpp"

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

/// What ByteLevel with use_regex splits by.
constexpr const char* kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

std::string escaped_literal(const std::string& text) {
    std::string out;
    for (const char c : text)
        if (std::string_view("\\^$.|?*+()[]{}&-~#").find(c) != std::string_view::npos)
            out += {'\\', c};
        else
            out += c;
    return out;
}

void require_success(UErrorCode status, const char* what) {
    if (U_FAILURE(status))
        throw InputError(std::string(what) + ": normalising to NFC failed: " + u_errorName(status));
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
void require_stable(const UNormalizer2* nfc, const std::vector<UChar>& wide) {
    for (std::size_t at = 0; at < wide.size();) {
        UChar32 c = 0;
        U16_NEXT(wide.data(), at, wide.size(), c);
        UVersionInfo age{};
        u_charAge(c, age);
        if (age[0] <= 9 || unorm2_isInert(nfc, c)) continue;
        std::string character;
        append_utf8(character, static_cast<char32_t>(c));
        throw InputError("the text holds " + in_quotes(character) + ", a character of Unicode " +
                             std::to_string(int{age[0]}) +
                             " whose place under NFC depends on the version",
                         kElsewhere);
    }
}

}  // namespace

std::string compose(std::string_view text) {
    if (text.size() > std::numeric_limits<std::int32_t>::max() / 4)
        throw InputError("a text of " + std::to_string(text.size()) + " bytes is too long for NFC");
    if (text.empty()) return {};
    const auto bytes = static_cast<std::int32_t>(text.size());
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2* nfc = unorm2_getNFCInstance(&status);
    require_success(status, "tables");
    const auto wide = sized<UChar>([&](UChar* out, std::int32_t capacity, UErrorCode* error) {
        std::int32_t length = 0;
        u_strFromUTF8(out, capacity, &length, text.data(), bytes, error);
        return length;
    });
    require_stable(nfc, wide);
    const auto composed = sized<UChar>([&](UChar* out, std::int32_t capacity, UErrorCode* error) {
        return unorm2_normalize(nfc, wide.data(), static_cast<std::int32_t>(wide.size()), out,
                                capacity, error);
    });
    const auto narrow = sized<char>([&](char* out, std::int32_t capacity, UErrorCode* error) {
        std::int32_t length = 0;
        u_strToUTF8(out, capacity, &length, composed.data(),
                    static_cast<std::int32_t>(composed.size()), error);
        return length;
    });
    return {narrow.begin(), narrow.end()};
}

bool read_normalizer(const Json* normalizer, const std::string& place) {
    if (!normalizer) return false;
    const std::string& type = text_member(*normalizer, "type", place);
    if (type == "NFC") return true;
    if (type != "Sequence")
        throw InputError(place + ": normaliser " + in_quotes(type) +
                             " is not known, known are NFC "
                             "and Sequence",
                         kElsewhere);
    const Json& steps = member(*normalizer, "normalizers", place);
    require_array(steps, place + "/normalizers");
    bool composes = false;
    for (const Json& step : steps) composes |= read_normalizer(&step, place + "/normalizers");
    return composes;
}

PreTokenizer::PreTokenizer(const Json* description, const std::string& place) {
    if (description) read(*description, place);
    if (!byte_level_)
        throw InputError(place + ": no ByteLevel pre-tokeniser, so this is no byte-level BPE",
                         kElsewhere);
    if (use_regex_) stages_.push_back({SplitPattern(kByteLevelPattern, place), false});
}

void PreTokenizer::read(const Json& description, const std::string& place) {
    const std::string& type = text_member(description, "type", place);
    if (byte_level_)
        throw InputError(place + ": " + in_quotes(type) + " after ByteLevel is not known",
                         kElsewhere);
    if (type == "Sequence") {
        const Json& steps = member(description, "pretokenizers", place);
        require_array(steps, place + "/pretokenizers");
        for (const Json& step : steps) read(step, place + "/pretokenizers");
    } else if (type == "Split") {
        read_split(description, place);
    } else if (type == "Digits") {
        const bool each = flag_member(description, "individual_digits", false, place);
        stages_.push_back({SplitPattern(each ? "\\p{N}" : "\\p{N}+", place), false});
    } else if (type == "ByteLevel") {
        read_byte_level(description, place);
    } else {
        throw InputError(place + ": pre-tokeniser " + in_quotes(type) +
                             " is not known, known are Sequence, Split, Digits and ByteLevel",
                         kElsewhere);
    }
}

void PreTokenizer::read_split(const Json& description, const std::string& place) {
    const Json& pattern = member(description, "pattern", place);
    const bool regex = find_member(pattern, "Regex", place + "/pattern") != nullptr;
    const std::string& text = text_member(pattern, regex ? "Regex" : "String", place + "/pattern");
    const std::string& behavior = text_member(description, "behavior", place);
    const bool invert = flag_member(description, "invert", false, place);
    const bool matches_only = behavior == "Removed" && invert;
    if (!matches_only && (behavior != "Isolated" || invert))
        throw InputError(place + ": Split with behavior " + in_quotes(behavior) + " and invert " +
                             (invert ? "true" : "false") +
                             " is not known, known are Isolated without and Removed with invert",
                         kElsewhere);
    stages_.push_back({SplitPattern(regex ? text : escaped_literal(text), place), matches_only});
}

void PreTokenizer::read_byte_level(const Json& description, const std::string& place) {
    byte_level_ = true;
    prefix_space_ = flag_member(description, "add_prefix_space", true, place);
    use_regex_ = flag_member(description, "use_regex", true, place);
}

std::vector<std::string> PreTokenizer::split(std::string_view text) const {
    std::vector<std::string> pieces;
    if (!text.empty()) pieces.emplace_back(text);
    const auto prefix = [&] {
        for (std::string& piece : pieces)
            if (prefix_space_ && !piece.starts_with(' ')) piece.insert(0, 1, ' ');
    };
    for (std::size_t k = 0; k < stages_.size(); ++k) {
        if (use_regex_ && k + 1 == stages_.size()) prefix();
        std::vector<std::string> next;
        for (const std::string& piece : pieces)
            for (const auto part : stages_[k].pattern.split(piece, stages_[k].matches_only))
                next.emplace_back(part);
        pieces = std::move(next);
    }
    if (!use_regex_) prefix();
    return pieces;
}

}  // namespace prefdyn::text
