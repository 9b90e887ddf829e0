#include "sim/lm/model/safetensors_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "sim/base/failure.hpp"

namespace prefdyn::transformer {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace {

/// A new file; every failure is an InputError that names it.
class OutputFile {
  public:
    explicit OutputFile(const std::string& path)
        : path_(path), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
        if (file_ < 0)
            throw InputError(path_ + ": cannot be opened for writing: " + std::strerror(errno));
    }
    ~OutputFile() {
        if (file_ >= 0) ::close(file_);
    }
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    void write(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const ssize_t done = ::write(file_, bytes.data(), bytes.size());
            if (done < 0 && errno == EINTR) continue;
            if (done <= 0) fail_to_write("cannot be written");
            bytes = bytes.subspan(static_cast<std::size_t>(done));
        }
    }
    void close() {
        if (::fsync(file_) != 0) fail_to_write("cannot be forced to the disk");
        if (::close(std::exchange(file_, -1)) != 0) fail_to_write("cannot be closed");
    }

  private:
    [[noreturn]] void fail_to_write(const std::string& what) const {
        throw WriteError(path_ + ": " + what + ": " + std::strerror(errno),
                         "choose a place with room for it");
    }
    std::string path_;
    int file_;
};

std::string header_of(const std::vector<Array>& arrays,
                      const std::map<std::string, std::string>& notes) {
    nlohmann::ordered_json header;
    header["__metadata__"]["format"] = "pt";
    for (const auto& [key, value] : notes) header["__metadata__"][key] = value;
    std::size_t at = 0;
    for (const Array& each : arrays) {
        header[each.name] = {{"dtype", each.dtype},
                             {"shape", each.shape},
                             {"data_offsets", {at, at + each.bytes.size()}}};
        at += each.bytes.size();
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins aligned
    return text;
}

}  // namespace

Array array_of(const std::string& name, std::vector<Index> shape, std::span<const float> values) {
    return {name, "F32", std::move(shape), std::as_bytes(values)};
}

Array array_of(const std::string& name, std::vector<Index> shape, std::span<const double> values) {
    return {name, "F64", std::move(shape), std::as_bytes(values)};
}

Array array_of(const std::string& name, std::span<const std::int64_t> values) {
    return {name, "I64", {static_cast<Index>(values.size())}, std::as_bytes(values)};
}

Array array_of(const std::string& name, std::string_view text) {
    return {name, "U8", {static_cast<Index>(text.size())}, std::as_bytes(std::span(text))};
}

void write_safetensors(const std::string& path, const std::vector<Array>& arrays,
                       const std::map<std::string, std::string>& notes) {
    OutputFile file(path);
    const std::string header = header_of(arrays, notes);
    const auto length = static_cast<std::uint64_t>(header.size());
    file.write(std::as_bytes(std::span(&length, 1)));
    file.write(std::as_bytes(std::span(header)));
    for (const Array& each : arrays) file.write(each.bytes);
    file.close();
}

}  // namespace prefdyn::transformer
