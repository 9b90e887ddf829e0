#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "sim/lm/model/tensor.hpp"

namespace prefdyn::transformer {

/// An array to be written, in row-major order; its values must outlive the write.
struct Array {
    std::string name, dtype;  ///< F32, F64, I64 or U8
    std::vector<Index> shape;
    std::span<const std::byte> bytes;
};
Array array_of(const std::string& name, std::vector<Index> shape, std::span<const float> values);
Array array_of(const std::string& name, std::vector<Index> shape, std::span<const double> values);
Array array_of(const std::string& name, std::span<const std::int64_t> values);
Array array_of(const std::string& name, std::string_view text);

/// Writes and forces to the disk a safetensors file in the order given, format "pt", with `notes`
/// and the file's hash (require_unchanged) in its metadata. Throws WriteError with the system's
/// reason, e.g. a full disk; what there is of the file then stays.
void write_safetensors(const std::string& path, const std::vector<Array>& arrays,
                       const std::map<std::string, std::string>& notes = {});

}  // namespace prefdyn::transformer
