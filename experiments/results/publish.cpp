#include "experiments/results/publish.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "sim/base/failure.hpp"

namespace prefdyn {

namespace fs = std::filesystem;

void make_folder_of(const std::string& path) {
    std::error_code failed;
    fs::create_directories(fs::absolute(path).parent_path(), failed);
    if (failed) throw InputError(path + ": its folder cannot be made: " + failed.message());
}

void force_to_disk(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    fsync(file);
    close(file);
}

void publish_file(const std::string& path,
                  const std::function<void(const std::string& partial)>& write) {
    const std::string partial = path + ".partial";
    std::error_code failed;
    try {
        write(partial);
        fs::rename(partial, path, failed);
        if (failed) throw InputError(path + ": cannot be published: " + failed.message());
    } catch (...) {
        fs::remove(partial, failed);
        throw;
    }
}

}  // namespace prefdyn
