#pragma once
// A thin layer over the HDF5 C library: handles that close themselves, failures that throw
// InputError with file, object and HDF5's own reason, row-major arrays of doubles, 64-bit integers
// and UTF-8 strings, dimension scales. One thread at a time.

#include <hdf5.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace prefdyn::h5 {

/// Owns one HDF5 identifier.
class Handle {
  public:
    using Closer = herr_t (*)(hid_t);
    Handle(hid_t id, Closer close) : id_(id), close_(close) {}
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(id_, other.id_);
        std::swap(close_, other.close_);
        return *this;
    }
    ~Handle() {
        if (id_ >= 0) close_(id_);
    }
    hid_t id() const { return id_; }
    /// The identifier, which the caller closes.
    hid_t release() { return std::exchange(id_, -1); }

  private:
    hid_t id_;
    Closer close_;
};

using Shape = std::vector<hsize_t>;

/// Who wrote a file: this program just now, or somebody.
enum class From { kHere, kOutside };

/// Reading. Every method throws InputError naming the file and the object. A file from outside is
/// read in a process of its own (in_child), a call at a time. Datasets in other files, and those
/// that claim much more than is stored, are refused.
class Reader {
  public:
    explicit Reader(const std::string& path, From from = From::kHere);
    Reader(Reader&& other) noexcept;
    ~Reader();

    const std::string& path() const { return path_; }
    bool has_dataset(const std::string& name) const;
    /// Names of the groups directly below the root, sorted.
    std::vector<std::string> groups() const;
    Shape shape(const std::string& dataset) const;
    /// Any integer or floating-point dataset, converted.
    std::vector<double> numbers(const std::string& dataset) const;
    /// Of fixed or variable length.
    std::vector<std::string> strings(const std::string& dataset) const;
    /// Of the file itself.
    std::string text_attribute(const std::string& key) const;

  private:
    class Direct;
    template <class Result, class Method>
    Result ask(Method method) const;
    std::string path_;
    std::unique_ptr<Direct> direct_;  ///< null: in a child
};

/// Writing a new file (truncating what `path` was). No object times are stored, so equal content
/// gives equal bytes.
class Writer {
  public:
    explicit Writer(const std::string& path);
    /// A file in memory: image() is what it would be on the disk.
    Writer();

    /// A name `a/b` makes the group `a`.
    void write(const std::string& name, const std::vector<double>& data, const Shape& shape);
    /// Row-major, kept in single precision.
    void write(const std::string& name, const float* data, const Shape& shape);
    void write(const std::string& name, const std::vector<std::int64_t>& data, const Shape& shape);
    void write(const std::string& name, const std::vector<std::string>& data, const Shape& shape);
    /// `object` is a dataset, or "/" for the file itself.
    void attribute(const std::string& object, const std::string& key, const std::string& value);
    void attribute(const std::string& object, const std::string& key, double value);
    void attribute(const std::string& object, const std::string& key, std::int64_t value);
    /// Turns the 1-d dataset `name` into a dimension scale.
    void make_scale(const std::string& name);
    void attach_scale(const std::string& dataset, unsigned axis, const std::string& scale);
    /// Closes the file and forces it to the disk. Throws WriteError if any of it fails.
    void close();
    std::string image() const;

  private:
    void write_raw(const std::string& name, hid_t type, const void* data, const Shape& shape);
    void attribute_raw(const std::string& object, const std::string& key, hid_t type,
                       const void* data);
    void check(herr_t status, const std::string& what) const;
    std::string path_;
    Handle file_;
};

}  // namespace prefdyn::h5
