#pragma once
#include <string>

namespace prefdyn {

/// Makes the folder and keeps other processes from it, as long as this object lives and where the
/// file system knows locks. Throws InputError if another process has it.
class FolderLock {
  public:
    explicit FolderLock(const std::string& folder);
    ~FolderLock();
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

  private:
    int file_ = -1;
};

/// The same for one result file, by a file PATH.lock that is there meanwhile.
class FileLock {
  public:
    explicit FileLock(const std::string& path);
    ~FileLock();
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

  private:
    std::string path_;
    int file_ = -1;
};

/// Opens the file to read and append, makes it if it is absent, and locks it. Throws InputError
/// with `hint` if another process has it.
int open_locked(const std::string& path, const std::string& hint);

}  // namespace prefdyn
