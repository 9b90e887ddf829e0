#pragma once
// The safetensors format: 8 bytes little-endian N, N bytes of JSON, then the data without holes.

#include <map>
#include <span>
#include <string>

#include "sim/lm/model/tensor.hpp"

namespace prefdyn::transformer {

using Tensors = std::map<std::string, Tensor>;

/// Bytes of the JSON behind the first 8. Throws InputError naming `path` if they are not all there.
std::size_t header_bytes(std::span<const std::byte> file, const std::string& path);

/// Tensors by name, their bytes inside `file`. Every offset, size and shape is checked against the
/// bytes there are, and the data must be covered exactly once. Throws InputError naming `path`.
Tensors parse_safetensors(std::span<const std::byte> file, const std::string& path);

/// What the header's __metadata__ says under this key; empty if nothing.
std::string safetensors_note(std::span<const std::byte> file, const std::string& path,
                             const std::string& key);

/// Where write_safetensors keeps the hash of the whole file, itself counted as zeros.
inline constexpr const char* kFileHash = "prefdyn_hash";

/// Throws InputError if the file carries a hash that its content does not have, or, where `must` is
/// set, none.
void require_unchanged(std::span<const std::byte> file, const std::string& path, bool must);

}  // namespace prefdyn::transformer
