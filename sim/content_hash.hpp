#pragma once
#include <string>
#include <string_view>

namespace prefdyn {

/// SHA-1 of some bytes as a UUID string (version 5); with `more`, of those in the name space of the
/// first.
std::string content_hash(std::string_view bytes, std::string_view more = {});

}  // namespace prefdyn
