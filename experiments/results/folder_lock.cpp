#include "experiments/results/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "sim/base/failure.hpp"
#include "sim/base/output_file.hpp"

namespace prefdyn {

FolderLock::FolderLock(const std::string& folder) {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed)
        throw_file_error(folder + ": cannot be made", failed.value(), "choose another --out");
    file_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file_ < 0) throw_file_error(folder + ": cannot be opened", errno, "choose another --out");
    if (::flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
    ::close(file_);
    throw InputError(folder + ": another process is writing to it",
                     "wait for it, or choose another --out");
}

FolderLock::~FolderLock() { ::close(file_); }

}  // namespace prefdyn
