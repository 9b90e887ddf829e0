#include "sim/lm/text/tokenizer/byte_alphabet.hpp"

#include <array>

#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

bool printable(unsigned byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
           (byte >= 0xAE && byte <= 0xFF);
}

struct Alphabet {
    std::array<std::string, 256> character;
    std::array<int, 0x200> byte;  ///< by code point, -1 where it stands for none

    Alphabet() {
        byte.fill(-1);
        char32_t next = 0x100;
        for (unsigned b = 0; b < 256; ++b) {
            const char32_t c = printable(b) ? b : next++;
            append_utf8(character[b], c);
            byte[c] = static_cast<int>(b);
        }
    }
};

const Alphabet& alphabet() {
    static const Alphabet value;
    return value;
}

}  // namespace

const std::string& byte_character(std::uint8_t byte) { return alphabet().character[byte]; }

std::optional<std::string> piece_bytes(std::string_view piece) {
    std::string out;
    for (std::size_t at = 0; at < piece.size();) {
        const char32_t c = next_code_point(piece, at);
        if (c >= alphabet().byte.size() || alphabet().byte[c] < 0) return std::nullopt;
        out += static_cast<char>(alphabet().byte[c]);
    }
    return out;
}

std::string spell_bytes(std::string_view bytes) {
    std::string out;
    for (const char byte : bytes) out += byte_character(static_cast<std::uint8_t>(byte));
    return out;
}

}  // namespace prefdyn::text
