#pragma once
// Arrays of single precision, added to a file that h5::Writer has written and closed.

#include "sim/hdf5_file.hpp"

namespace prefdyn::h5 {

class FloatAppender {
  public:
    explicit FloatAppender(const std::string& path);
    /// A new dataset of row-major values with an attribute `description`. A name `a/b` makes the
    /// group `a`.
    void write(const std::string& name, const float* data, const Shape& shape,
               const std::string& description);
    /// Closes the file and forces it to the disk.
    void close();

  private:
    void check(hid_t status, const std::string& what) const;
    std::string path_;
    Handle file_;
};

}  // namespace prefdyn::h5
