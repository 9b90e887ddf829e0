#include "sim/base/npy.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <string_view>

#include "sim/base/failure.hpp"
#include "sim/base/lfs_pointer.hpp"
#include "sim/base/output_file.hpp"

namespace prefdyn {

namespace {

struct Header {
    std::string type;
    std::vector<std::size_t> shape;
};

std::size_t header_length(std::ifstream& in, const std::string& path) {
    unsigned char magic[8] = {};
    in.read(reinterpret_cast<char*>(magic), sizeof magic);
    if (!in || std::memcmp(magic, "\x93NUMPY", 6) != 0)
        throw InputError(path + ": not a .npy file (bad magic bytes)", "write it with numpy.save");
    if (magic[6] < 1 || magic[6] > 3)
        throw InputError(path + ": .npy format version " + std::to_string(int{magic[6]}) +
                         " is unknown, supported are 1 to 3");
    unsigned char raw[4] = {};
    in.read(reinterpret_cast<char*>(raw), magic[6] == 1 ? 2 : 4);
    if (!in) throw InputError(path + ": ends inside the .npy header length");
    return raw[0] + (std::size_t{raw[1]} << 8) + (std::size_t{raw[2]} << 16) +
           (std::size_t{raw[3]} << 24);
}

std::string_view skip_spaces(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
    return text;
}

/// What follows `'name':` in the header, a Python dictionary; empty if there is no such key.
std::string_view value_of(std::string_view text, const std::string& name) {
    const std::string key = "'" + name + "'";
    const auto place = text.find(key);
    if (place == text.npos) return {};
    text = skip_spaces(text.substr(place + key.size()));
    return text.starts_with(':') ? skip_spaces(text.substr(1)) : std::string_view();
}

/// The value between two delimiters.
std::string_view enclosed(std::string_view text, char open, char close, const std::string& name,
                          const std::string& path) {
    const std::string_view value = value_of(text, name);
    const auto end = value.find(close, 1);
    if (!value.starts_with(open) || end == value.npos)
        throw InputError(path + ": .npy header has no valid '" + name + "'");
    return value.substr(1, end - 1);
}

/// Extents of "2, 3"; one that does not fit becomes the largest there is.
std::vector<std::size_t> parse_shape(std::string_view text, const std::string& path) {
    std::vector<std::size_t> shape;
    while (!(text = skip_spaces(text)).empty()) {
        std::size_t extent = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), extent);
        if (read.ec == std::errc::invalid_argument)
            throw InputError(path + ": .npy header has no valid 'shape'");
        if (read.ec == std::errc::result_out_of_range)
            extent = std::numeric_limits<std::size_t>::max();
        shape.push_back(extent);
        text = skip_spaces(text.substr(static_cast<std::size_t>(read.ptr - text.data())));
        if (!text.empty() && !text.starts_with(','))
            throw InputError(path + ": .npy header has no valid 'shape'");
        text.remove_prefix(std::min<std::size_t>(1, text.size()));
    }
    return shape;
}

Header parse_header(std::string_view text, const std::string& path) {
    const std::string_view order = value_of(text, "fortran_order");
    if (order.starts_with("True"))
        throw InputError(path + ": array is in Fortran order",
                         "save numpy.ascontiguousarray(x) instead");
    if (!order.starts_with("False"))
        throw InputError(path + ": .npy header has no valid 'fortran_order'");
    Header header;
    header.type = enclosed(text, '\'', '\'', "descr", path);
    header.shape = parse_shape(enclosed(text, '(', ')', "shape", path), path);
    return header;
}

template <class T>
std::vector<double> convert(const std::vector<char>& raw) {
    std::vector<double> out(raw.size() / sizeof(T));
    for (std::size_t i = 0; i < out.size(); ++i) {
        T value;
        std::memcpy(&value, raw.data() + i * sizeof(T), sizeof(T));
        out[i] = static_cast<double>(value);
    }
    return out;
}

struct Type {
    std::size_t bytes;
    std::vector<double> (*convert)(const std::vector<char>&);
};

const Type& lookup(const std::string& name, const std::string& path) {
    static const std::map<std::string, Type> types = {
        {"<f4", {4, convert<float>}},        {"<f8", {8, convert<double>}},
        {"|i1", {1, convert<std::int8_t>}},  {"<i1", {1, convert<std::int8_t>}},
        {"<i4", {4, convert<std::int32_t>}}, {"<i8", {8, convert<std::int64_t>}},
        {"|u1", {1, convert<std::uint8_t>}}};
    const auto found = types.find(name);
    if (found == types.end())
        throw InputError(path + ": .npy type '" + name + "' is not supported",
                         "save as float32, float64, int8, int32 or int64, little-endian");
    return found->second;
}

}  // namespace

NpyArray read_npy(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in || !std::filesystem::is_regular_file(path))
        throw InputError(path + ": cannot be read: " + std::strerror(errno));
    refuse_pointer(path);
    const std::size_t file_bytes = std::filesystem::file_size(path);
    const std::size_t length = header_length(in, path);
    if (length > file_bytes || length > 65536)
        throw InputError(path + ": .npy header claims " + std::to_string(length) +
                             " bytes, the file has " + std::to_string(file_bytes),
                         "the file may be truncated");
    std::string text(length, ' ');
    in.read(text.data(), static_cast<std::streamsize>(length));
    if (!in) throw InputError(path + ": ends inside the .npy header", "the file may be truncated");
    const Header header = parse_header(text, path);
    const Type& type = lookup(header.type, path);
    const std::size_t available = file_bytes - static_cast<std::size_t>(in.tellg());
    std::size_t count = 1;
    for (const std::size_t extent : header.shape) {
        if (extent != 0 && count > available / extent)
            throw InputError(path + ": .npy shape needs more data than the file has",
                             "the file may be truncated");
        count *= extent;
    }
    if (count * type.bytes != available)
        throw InputError(path + ": .npy shape needs " + std::to_string(count * type.bytes) +
                             " bytes of data, the file has " + std::to_string(available),
                         "the file may be truncated");
    std::vector<char> raw(available);
    in.read(raw.data(), static_cast<std::streamsize>(available));
    if (!in) throw InputError(path + ": cannot be read to its end");
    return {header.shape, type.convert(raw)};
}

void write_npy(const std::string& path, const NpyArray& array) {
    std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (";
    for (const std::size_t extent : array.shape) header.append(std::to_string(extent)).append(",");
    header.append("), }");
    constexpr std::size_t kStart = 10, kAlign = 64;
    header.append(kAlign - (kStart + header.size() + 1) % kAlign, ' ').append("\n");
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes.push_back(static_cast<char>(header.size() % 256));
    bytes.push_back(static_cast<char>(header.size() / 256));
    bytes.append(header);
    const auto* const values = reinterpret_cast<const char*>(array.values.data());
    bytes.insert(bytes.end(), values, values + array.values.size() * sizeof(double));
    write_file(path, bytes);
}

}  // namespace prefdyn
