#pragma once
// UTF-8: strict validation, decoding, and text made fit for an error message.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace prefdyn::text {

/// Offset of the first byte that does not belong to well-formed UTF-8 (no overlong forms, no
/// surrogates, at most U+10FFFF).
std::optional<std::size_t> invalid_utf8(std::string_view text);

/// Throws InputError showing the text unless it is well-formed.
void require_utf8(std::string_view text);

/// The code point that starts at `at` in well-formed UTF-8; moves `at` behind it.
char32_t next_code_point(std::string_view text, std::size_t& at);

void append_utf8(std::string& out, char32_t code_point);

/// Line and column (in bytes), both from 1, of the byte at `offset`.
std::string place_of(std::string_view text, std::size_t offset);

/// What `text` is, for places in it: a whole file, or one line that `place` already names.
enum class TextPart { kFile, kLine };
std::string place_of(std::string_view text, std::size_t offset, TextPart part);

/// Throws InputError naming line, column and value of the first byte that is not UTF-8, or of the
/// first NUL byte, or a byte order mark at the start.
void require_plain_utf8(std::string_view text, const std::string& place,
                        TextPart part = TextPart::kFile);

/// 'text' in quotes, cut after `limit` bytes, with control and non-ASCII malformed bytes as \xNN.
std::string in_quotes(std::string_view text, std::size_t limit = 60);

}  // namespace prefdyn::text
