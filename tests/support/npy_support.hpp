#pragma once
// Writes .npy files byte by byte, the broken ones included.

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace prefdyn::test {

inline void write_bytes(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

template <class T>
std::string raw(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// Magic, version, header length (little-endian, 2 bytes for version 1, else 4) and header.
inline std::string npy_start(const std::string& header, int version = 1) {
    std::string out = std::string("\x93NUMPY") + static_cast<char>(version) + '\0';
    for (int byte = 0; byte < (version == 1 ? 2 : 4); ++byte)
        out += static_cast<char>((header.size() >> (8 * byte)) & 0xff);
    return out + header;
}

inline std::string npy_header(const std::string& type, const std::string& shape,
                              const std::string& fortran = "False") {
    std::string out =
        "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': (" + shape + "), }";
    while ((out.size() + 11) % 64 != 0) out += ' ';
    return out + '\n';
}

template <class T>
std::string npy(const std::string& type, const std::string& shape, const std::vector<T>& values) {
    return npy_start(npy_header(type, shape)) + raw(values);
}

}  // namespace prefdyn::test
