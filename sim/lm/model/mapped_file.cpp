#include "sim/lm/model/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>

#include "sim/base/failure.hpp"
#include "sim/base/lfs_pointer.hpp"
#include "sim/base/output_file.hpp"

namespace prefdyn::transformer {

namespace {

/// A file descriptor that closes itself.
struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) close(number);
    }
};

/// Enough for the shards of any model; those beyond are not named.
std::array<std::atomic<const MappedFile*>, 1024> open_files{};

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
    const auto fail = [&] {
        throw_file_error(path + ": cannot be opened", errno, "check the path");
    };
    const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat status {};
    if (file.number < 0 || fstat(file.number, &status) != 0) fail();
    if (!S_ISREG(status.st_mode)) throw InputError(path + ": is no regular file");
    size_ = static_cast<std::size_t>(status.st_size);
    refuse_pointer(path);
    if (size_ == 0) throw InputError(path + ": is empty", "the download may be incomplete");
    void* place = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number, 0);
    if (place == MAP_FAILED) fail();
    data_ = static_cast<const std::byte*>(place);
    for (std::atomic<const MappedFile*>& entry : open_files) {
        const MappedFile* none = nullptr;
        if (entry.compare_exchange_strong(none, this)) break;
    }
}

MappedFile::~MappedFile() {
    for (std::atomic<const MappedFile*>& entry : open_files) {
        const MappedFile* mine = this;
        if (entry.compare_exchange_strong(mine, nullptr)) break;
    }
    munmap(const_cast<std::byte*>(data_), size_);
}

const char* MappedFile::file_at(const void* address) {
    const auto* at = static_cast<const std::byte*>(address);
    for (const std::atomic<const MappedFile*>& entry : open_files) {
        const MappedFile* file = entry.load();
        if (file && at >= file->data_ && at < file->data_ + file->size_) return file->path_.c_str();
    }
    return nullptr;
}

void MappedFile::forget(std::span<const std::byte> part) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto first = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
    const auto last = reinterpret_cast<std::uintptr_t>(part.data() + part.size()) / page * page;
    if (last > first) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace prefdyn::transformer
