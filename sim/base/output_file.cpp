#include "sim/base/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

const char* const kRoom = "choose a place with room for it";

bool machine_failed(int error) {
    switch (error) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case EIO:
        case ENOMEM:
        case ENFILE:
        case EMFILE:
        case ESTALE:
            return true;
        default:
            return false;
    }
}

/// Forces what `path` names to the disk; `open_flags` beside reading.
void force(const std::string& path, int open_flags, bool (*unknown)(int error)) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | open_flags);
    if (file < 0) {
        if (unknown(errno)) return;
        throw WriteError(path + ": cannot be forced to the disk: " + std::strerror(errno), kRoom);
    }
    const int error = ::fsync(file) == 0 ? 0 : errno;
    ::close(file);
    if (error != 0 && !unknown(error))
        throw WriteError(path + ": cannot be forced to the disk: " + std::strerror(error), kRoom);
}

}  // namespace

void throw_file_error(const std::string& what, int error, const std::string& hint) {
    const std::string text = what + ": " + std::strerror(error);
    if (machine_failed(error)) throw WriteError(text, kRoom);
    throw InputError(text, hint);
}

OutputFile::OutputFile(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (file_ < 0) throw_file_error(path_ + ": cannot be opened for writing", errno);
}

OutputFile::~OutputFile() {
    if (file_ >= 0) ::close(file_);
}

void OutputFile::fail(const std::string& what) const {
    throw WriteError(path_ + ": " + what + ": " + std::strerror(errno), kRoom);
}

void OutputFile::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t done = ::write(file_, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) fail("cannot be written");
        bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
}

void OutputFile::close() {
    if (::fsync(file_) != 0) fail("cannot be forced to the disk");
    if (::close(std::exchange(file_, -1)) != 0) fail("cannot be closed");
}

void write_file(const std::string& path, std::string_view bytes) {
    OutputFile file(path);
    file.write(bytes);
    file.close();
}

void force_to_disk(const std::string& path) {
    force(path, 0, [](int) { return false; });
}

void force_folder_to_disk(const std::string& path) {
    force(path, O_DIRECTORY, [](int error) {
        return error == EACCES || error == EINVAL || error == ENOTSUP || error == EBADF;
    });
}

}  // namespace prefdyn
