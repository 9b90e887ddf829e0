#include "sim/lm/model/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "sim/base/failure.hpp"

namespace prefdyn::transformer {

namespace {

/// A file descriptor that closes itself.
struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) close(number);
    }
};

}  // namespace

MappedFile::MappedFile(const std::string& path) {
    const auto fail = [&] {
        throw InputError(path + ": cannot be opened: " + std::strerror(errno), "check the path");
    };
    const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat status {};
    if (file.number < 0 || fstat(file.number, &status) != 0) fail();
    if (!S_ISREG(status.st_mode)) throw InputError(path + ": is no regular file");
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ == 0) throw InputError(path + ": is empty", "the download may be incomplete");
    void* place = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number, 0);
    if (place == MAP_FAILED) fail();
    data_ = static_cast<const std::byte*>(place);
}

MappedFile::~MappedFile() { munmap(const_cast<std::byte*>(data_), size_); }

void MappedFile::forget(std::span<const std::byte> part) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto first = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
    const auto last = reinterpret_cast<std::uintptr_t>(part.data() + part.size()) / page * page;
    if (last > first) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace prefdyn::transformer
