#pragma once
// The alphabet of byte-level BPE: every byte is written as one printable character, itself where it
// is printable in Latin-1, else U+0100, U+0101 ... in the order of the bytes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace prefdyn::text {

/// The character that stands for `byte`, as UTF-8.
const std::string& byte_character(std::uint8_t byte);

/// The bytes that the characters of `piece` stand for; nothing if one of them stands for none.
std::optional<std::string> piece_bytes(std::string_view piece);

/// Each byte of `bytes` by its character.
std::string spell_bytes(std::string_view bytes);

}  // namespace prefdyn::text
