#include "sim/lm/text/utf8.hpp"

#include <unicode/utf8.h>

#include <algorithm>

#include "sim/base/failure.hpp"

namespace prefdyn::text {

namespace {

unsigned byte_at(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text[at]);
}

/// Length of the well-formed sequence at `at`, 0 if there is none (Unicode table 3-7).
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const unsigned first = byte_at(text, at);
    if (first < 0x80) return 1;
    const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length == 0 || first > 0xF4 || length > text.size() - at) return 0;
    const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (byte_at(text, at + 1) < low || byte_at(text, at + 1) > high) return 0;
    for (std::size_t k = 2; k < length; ++k)
        if ((byte_at(text, at + k) & 0xC0) != 0x80) return 0;
    return length;
}

std::string hex(unsigned byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    return {kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

std::optional<std::size_t> invalid_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = sequence_length(text, at);
        if (length == 0) return at;
        at += length;
    }
    return std::nullopt;
}

void require_utf8(std::string_view text) {
    if (const auto at = invalid_utf8(text))
        throw InputError("text " + in_quotes(text) + ": byte " + std::to_string(*at + 1) +
                         " is not valid UTF-8");
}

char32_t next_code_point(std::string_view text, std::size_t& at) {
    UChar32 c = 0;
    U8_NEXT_UNSAFE(text.data(), at, c);
    return static_cast<char32_t>(c);
}

void append_utf8(std::string& out, char32_t code_point) {
    char bytes[U8_MAX_LENGTH];
    std::size_t length = 0;
    U8_APPEND_UNSAFE(bytes, length, static_cast<UChar32>(code_point));
    out.append(bytes, length);
}

std::string place_of(std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto start = before.rfind('\n');
    const std::size_t column = start == before.npos ? offset + 1 : offset - start;
    return "line " + std::to_string(line) + ", byte " + std::to_string(column);
}

std::string place_of(std::string_view text, std::size_t offset, TextPart part) {
    return part == TextPart::kLine ? "byte " + std::to_string(offset + 1) : place_of(text, offset);
}

void require_plain_utf8(std::string_view text, const std::string& place, TextPart part) {
    if (text.starts_with("\xEF\xBB\xBF"))
        throw InputError(place + ": starts with a byte order mark (EF BB BF)",
                         "save it as UTF-8 without one");
    if (const auto at = text.find('\0'); at != text.npos)
        throw InputError(place + ", " + place_of(text, at, part) + ": a NUL byte",
                         "expected UTF-8 text; is the file binary, or UTF-16?");
    if (const auto at = invalid_utf8(text))
        throw InputError(place + ", " + place_of(text, *at, part) + ": byte 0x" +
                             hex(byte_at(text, *at)) + " is not valid UTF-8",
                         "convert the file to UTF-8");
}

std::string in_quotes(std::string_view text, std::size_t limit) {
    std::string out = "'";
    std::size_t at = 0;
    while (at < text.size() && at < limit) {
        const std::size_t length = sequence_length(text, at);
        const unsigned first = byte_at(text, at);
        if (length == 0 || first < 0x20 || first == 0x7F)
            out += "\\x" + hex(first), ++at;
        else
            out += text.substr(at, length), at += length;
    }
    return out + (at < text.size() ? "...'" : "'");
}

}  // namespace prefdyn::text
