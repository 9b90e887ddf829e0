#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace prefdyn::text {

/// InputError unless `path` is a regular file.
void require_regular_file(const std::string& path);

/// The bytes of a regular file of at most `limit` bytes; InputError names the path and the size.
std::string read_file(const std::string& path, std::size_t limit);

/// Hash of some bytes as a UUID string (SHA-1, version 5), as in checksum(Dataset).
std::string content_hash(std::string_view bytes);

}  // namespace prefdyn::text
