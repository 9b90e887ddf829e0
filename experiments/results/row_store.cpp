#include "experiments/results/row_store.hpp"

#include <unistd.h>

#include <boost/crc.hpp>
#include <cerrno>
#include <cstring>
#include <iostream>

#include "experiments/results/folder_lock.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/text/text_file.hpp"

namespace prefdyn {

namespace {

const std::string kMagic = "prefdyn rows 1\n";
constexpr std::size_t kKey = 36;  ///< characters of a content hash
constexpr std::uint32_t kMaxRow = 1u << 24;

/// A record: key, count (4 bytes), count floats, CRC-32 of all of these (4 bytes).
std::uint32_t checksum(std::string_view record) {
    boost::crc_32_type crc;
    crc.process_bytes(record.data(), record.size());
    return crc.checksum();
}

template <class T>
void append(std::string& bytes, const T* values, std::size_t count) {
    bytes.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

std::uint32_t number_at(std::string_view bytes) {
    std::uint32_t out;
    std::memcpy(&out, bytes.data(), sizeof out);
    return out;
}

/// Bytes of the whole record at the start of `bytes`; 0 if there is none.
std::size_t record_size(std::string_view bytes) {
    if (bytes.size() < kKey + 8) return 0;
    const std::uint32_t count = number_at(bytes.substr(kKey));
    const std::size_t body = kKey + 4 + std::size_t{count} * sizeof(float);
    if (count > kMaxRow || bytes.size() < body + 4) return 0;
    return checksum(bytes.substr(0, body)) == number_at(bytes.substr(body)) ? body + 4 : 0;
}

/// Whether something else than the beginning of one record lies there.
bool whole_behind(std::string_view bytes) {
    if (bytes.size() < kKey + 4) return false;
    const std::uint32_t count = number_at(bytes.substr(kKey));
    return count > kMaxRow || bytes.size() >= kKey + 8 + std::size_t{count} * sizeof(float);
}

void write_all(int file, std::string_view bytes, const std::string& path) {
    while (!bytes.empty()) {
        const ssize_t done = ::write(file, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) throw WriteError(path + ": cannot be written: " + std::strerror(errno));
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
}

}  // namespace

RowStore::RowStore(const std::string& path)
    : path_(path), file_(open_locked(path, "wait for it, or name another file with --cache")) {
    try {
        load();
    } catch (...) {
        ::close(file_);
        throw;
    }
}

/// Leaves no file without a row behind.
RowStore::~RowStore() {
    if (rows_.empty()) remove();
    ::close(file_);
}

void RowStore::load() {
    const std::string all = text::read_file(path_, std::size_t{1} << 40);
    if (all.empty()) return write_all(file_, kMagic, path_);
    if (!all.starts_with(kMagic))
        throw InputError(path_ + ": exists and holds no embedded rows",
                         "move it away, or name another file with --cache");
    std::size_t at = kMagic.size();
    const std::string_view view = all;
    while (const std::size_t size = record_size(view.substr(at))) {
        std::vector<float> row(number_at(view.substr(at + kKey)));
        std::memcpy(row.data(), all.data() + at + kKey + 4, row.size() * sizeof(float));
        rows_[all.substr(at, kKey)] = std::move(row);
        at += size;
    }
    // A record that a crash cut short is less than this one would be whole.
    if (at < all.size() && whole_behind(view.substr(at)))
        std::cerr << "prefdyn: " << path_ << ": damaged behind " << rows_.size()
                  << " rows; what follows is embedded again\n";
    if (at < all.size() && ::ftruncate(file_, static_cast<off_t>(at)) != 0)
        throw InputError(path_ + ": its damaged end cannot be cut off: " + std::strerror(errno));
}

const std::vector<float>* RowStore::find(const std::string& key) const {
    const auto found = rows_.find(key);
    return found == rows_.end() ? nullptr : &found->second;
}

void RowStore::add(const std::string& key, std::span<const float> row) {
    const auto count = static_cast<std::uint32_t>(row.size());
    std::string record = key;
    append(record, &count, 1);
    append(record, row.data(), row.size());
    const std::uint32_t crc = checksum(record);
    append(record, &crc, 1);
    write_all(file_, record, path_);
    rows_[key].assign(row.begin(), row.end());
}

void RowStore::sync() const {
    if (::fsync(file_) != 0)
        throw WriteError(path_ + ": cannot be forced to the disk: " + std::strerror(errno),
                         "choose a place with room for it");
}

void RowStore::remove() { ::unlink(path_.c_str()); }

}  // namespace prefdyn
