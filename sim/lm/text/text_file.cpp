#include "sim/lm/text/text_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "sim/base/failure.hpp"
#include "sim/base/lfs_pointer.hpp"

namespace prefdyn::text {

void require_regular_file(const std::string& path, const std::string& hint) {
    std::error_code ignored;
    const auto status = std::filesystem::status(path, ignored);
    if (!std::filesystem::is_regular_file(status))
        throw InputError(path + (std::filesystem::is_directory(status) ? ": is a folder"
                                 : std::filesystem::exists(status)     ? ": is not a regular file"
                                                                       : ": no such file"),
                         hint);
    refuse_pointer(path);
}

std::string read_file(const std::string& path, std::size_t limit) {
    require_regular_file(path);
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    if (!in) throw InputError(path + ": cannot be read: " + std::strerror(errno));
    const auto size = static_cast<std::size_t>(in.tellg());
    if (size > limit)
        throw InputError(path + ": has " + std::to_string(size) + " bytes, at most " +
                         std::to_string(limit) + " are read");
    std::string bytes(size, '\0');
    in.seekg(0);
    in.read(bytes.data(), static_cast<std::streamsize>(size));
    if (!in) throw InputError(path + ": cannot be read to its end");
    return bytes;
}

}  // namespace prefdyn::text
