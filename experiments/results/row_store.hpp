#pragma once
// Embedded rows on disk, so that an interrupted embedding goes on where it stopped. A file of
// records, each with its own checksum, that only grows; a record cut short by a crash is dropped.

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace prefdyn {

class RowStore {
  public:
    /// Reads what `path` holds; makes it if it is absent. Throws InputError if it is another kind
    /// of file, or in use by another process.
    explicit RowStore(const std::string& path);
    ~RowStore();
    RowStore(const RowStore&) = delete;
    RowStore& operator=(const RowStore&) = delete;

    const std::string& path() const { return path_; }
    std::size_t size() const { return rows_.size(); }
    /// The row with this key (a content hash), null if there is none.
    const std::vector<float>* find(const std::string& key) const;
    void add(const std::string& key, std::span<const float> row);
    /// Forces to the disk what was added.
    void sync() const;
    /// Deletes the file; the rows stay in memory.
    void remove();

  private:
    void load();
    std::string path_;
    int file_ = -1;
    std::unordered_map<std::string, std::vector<float>> rows_;
};

}  // namespace prefdyn
