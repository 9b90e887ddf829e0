#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace prefdyn::transformer {

/// A regular file mapped read-only. It must not be truncated while it is open.
class MappedFile {
  public:
    explicit MappedFile(const std::string& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return {data_, size_}; }
    /// Gives the pages of `part` back to the system; a later access reads them again.
    static void forget(std::span<const std::byte> part);

  private:
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace prefdyn::transformer
