#pragma once
// Writing that notices every failure, also the late ones: at a flush to the disk or at closing.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace prefdyn {

/// Throws `what` with the system's reason: a WriteError where disk or system fail (no room, a
/// quota, no descriptors), else an InputError (no such folder, no right to write).
[[noreturn]] void throw_file_error(const std::string& what, int error,
                                   const std::string& hint = {});

/// A new file; what was there is cut off.
class OutputFile {
  public:
    explicit OutputFile(const std::string& path);
    ~OutputFile();
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    void write(std::span<const std::byte> bytes);
    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
    /// Forces it to the disk and closes it; without this call the file is not complete.
    void close();

  private:
    [[noreturn]] void fail(const std::string& what) const;
    std::string path_;
    int file_;
};

/// The whole file at once.
void write_file(const std::string& path, std::string_view bytes);

/// What a closed file holds outlives a loss of power from now on.
void force_to_disk(const std::string& path);

/// Likewise a folder's list of files, where the file system knows of such a thing.
void force_folder_to_disk(const std::string& path);

}  // namespace prefdyn
