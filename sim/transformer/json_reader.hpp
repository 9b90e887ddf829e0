#pragma once
// JSON from outside: bounded before it is parsed, duplicate keys refused, errors name the place.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace prefdyn::transformer {

struct JsonLimits {
    std::size_t bytes = std::size_t{1} << 20;
    std::size_t depth = 16;
};

/// `place` starts every message. Throws InputError.
nlohmann::json parse_json(std::string_view text, const std::string& place,
                          const JsonLimits& limits = {});

/// A regular file of at most `limit` bytes.
std::string read_text(const std::string& path, std::size_t limit);

/// The value as a short text for a message.
std::string shown(const nlohmann::json& value);

}  // namespace prefdyn::transformer
