#include "sim/npy.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

#include "sim/error.hpp"

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
        throw InputError(path + ": not a .npy file (bad magic bytes)");
    if (magic[6] < 1 || magic[6] > 3)
        throw InputError(path + ": .npy format version " + std::to_string(int{magic[6]}) +
                         " is unknown, supported are 1 to 3");
    unsigned char raw[4] = {};
    in.read(reinterpret_cast<char*>(raw), magic[6] == 1 ? 2 : 4);
    if (!in) throw InputError(path + ": ends inside the .npy header length");
    return raw[0] + (std::size_t{raw[1]} << 8) + (std::size_t{raw[2]} << 16) +
           (std::size_t{raw[3]} << 24);
}

std::string field(const std::string& text, const std::string& pattern, const std::string& name,
                  const std::string& path) {
    std::smatch match;
    if (!std::regex_search(text, match, std::regex(pattern)))
        throw InputError(path + ": .npy header has no valid '" + name + "'");
    return match[1];
}

Header parse_header(const std::string& text, const std::string& path) {
    if (field(text, "'fortran_order'\\s*:\\s*(True|False)", "fortran_order", path) == "True")
        throw InputError(path + ": array is in Fortran order",
                         "save numpy.ascontiguousarray(x) instead");
    Header header;
    header.type = field(text, "'descr'\\s*:\\s*'([^']*)'", "descr", path);
    const std::string shape = field(text, "'shape'\\s*:\\s*\\(([0-9, ]*)\\)", "shape", path);
    const std::regex number("[0-9]{1,12}");
    for (std::sregex_iterator it(shape.begin(), shape.end(), number), end; it != end; ++it)
        header.shape.push_back(std::stoull(it->str()));
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
    const std::size_t file_bytes = std::filesystem::file_size(path);
    const std::size_t length = header_length(in, path);
    if (length > file_bytes || length > 65536)
        throw InputError(path + ": .npy header claims " + std::to_string(length) +
                         " bytes, the file has " + std::to_string(file_bytes));
    std::string text(length, ' ');
    in.read(text.data(), static_cast<std::streamsize>(length));
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

}  // namespace prefdyn
