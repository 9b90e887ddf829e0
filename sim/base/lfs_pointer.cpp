#include "sim/base/lfs_pointer.hpp"

#include <fstream>

#include "sim/base/failure.hpp"

namespace prefdyn {

void refuse_pointer(const std::string& path) {
    const std::string mark = "version https://git-lfs.github.com/spec/";
    std::string start(mark.size(), '\0');
    std::ifstream(path, std::ios::binary)
        .read(start.data(), static_cast<std::streamsize>(start.size()));
    if (start == mark)
        throw InputError(path + ": is a git-lfs pointer, not the file itself",
                         "`git lfs pull` fetches the file");
}

}  // namespace prefdyn
