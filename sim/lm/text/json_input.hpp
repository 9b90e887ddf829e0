#pragma once
// JSON from outside: bounded in bytes, depth and number of values, duplicate keys refused, every
// error an InputError that names the file and the place (line and byte, or a path such as
// /model/vocab).

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

using Json = nlohmann::json;

struct JsonLimits {
    std::size_t bytes = std::size_t{1} << 28;
    std::size_t depth = 32;
    std::size_t values = std::size_t{1} << 24;  ///< members and elements of all levels together
};

/// `place` starts every message: a path, or a path and a line, of which `text` is all (`part`).
Json parse_json(std::string_view text, const std::string& place, const JsonLimits& limits = {},
                TextPart part = TextPart::kFile);

Json read_json(const std::string& path, const JsonLimits& limits = {});

/// The value as a short text for a message.
std::string shown(const Json& value);

/// An object or the array at `place`, anything else is an InputError.
void require_object(const Json& value, const std::string& place);
void require_array(const Json& value, const std::string& place);

/// Member `key` of `object`; InputError if it is absent.
const Json& member(const Json& object, const std::string& key, const std::string& place);
/// Null pointer if the member is absent or null.
const Json* find_member(const Json& object, const std::string& key, const std::string& place);

const std::string& text_member(const Json& object, const std::string& key,
                               const std::string& place);
/// A text without the character U+0000.
const std::string& plain_member(const Json& object, const std::string& key,
                                const std::string& place);
double number_member(const Json& object, const std::string& key, const std::string& place);
/// An integer in [low, high].
std::int64_t integer_member(const Json& object, const std::string& key, std::int64_t low,
                            std::int64_t high, const std::string& place);
/// `fallback` if the member is absent or null.
bool flag_member(const Json& object, const std::string& key, bool fallback,
                 const std::string& place);

/// The value at `place` as an integer in [low, high].
std::int64_t integer_value(const Json& value, std::int64_t low, std::int64_t high,
                           const std::string& place);

}  // namespace prefdyn::text
