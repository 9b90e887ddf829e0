#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace prefdyn {

/// A numeric array of any rank, row-major, converted to double.
struct NpyArray {
    std::vector<std::size_t> shape;
    std::vector<double> values;
};

/// Reads NumPy's .npy format (versions 1 to 3; little-endian f4, f8, i1, i4, i8, u1; C order).
/// Throws InputError naming file, field and value for anything else, also for trailing bytes.
NpyArray read_npy(const std::string& path);

/// Writes it as little-endian f8, version 1. Throws MachineError where the file cannot be written.
void write_npy(const std::string& path, const NpyArray& array);

}  // namespace prefdyn
