#pragma once
#include <cstddef>
#include <string>

namespace prefdyn::text {

/// InputError unless `path` is a regular file.
void require_regular_file(const std::string& path, const std::string& hint = {});

/// The bytes of a regular file of at most `limit` bytes; InputError names the path and the size.
std::string read_file(const std::string& path, std::size_t limit);

}  // namespace prefdyn::text
