#include "experiments/results/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
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

FileLock::FileLock(const std::string& path)
    : path_(path + ".lock"),
      file_(open_locked(path_, "wait for it to finish, or choose another --out")) {}

FileLock::~FileLock() {
    ::unlink(path_.c_str());
    ::close(file_);
}

/// Whoever had it may have removed it in between.
int open_locked(const std::string& path, const std::string& hint) {
    while (true) {
        const int file =
            ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
        if (file < 0) throw_file_error(path + ": cannot be opened", errno);
        if (::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            ::close(file);
            throw InputError(path + ": is in use by another process", hint);
        }
        struct stat status {};
        if (::fstat(file, &status) != 0 || status.st_nlink > 0) return file;
        ::close(file);
    }
}

}  // namespace prefdyn
