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

}  // namespace prefdyn
