#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace prefdyn::transformer {

/// A regular file mapped read-only. Where it is truncated, or its disk fails, while it is open, an
/// access is a bus error: file_at says of which file.
class MappedFile {
  public:
    explicit MappedFile(const std::string& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return {data_, size_}; }
    /// Gives the pages of `part` back to the system; a later access reads them again.
    static void forget(std::span<const std::byte> part);
    /// Path of the mapped file that this address belongs to, null if none does. May be called by a
    /// signal handler.
    static const char* file_at(const void* address);

  private:
    std::string path_;
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace prefdyn::transformer
