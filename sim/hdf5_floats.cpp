#include "sim/hdf5_floats.hpp"

#include <fcntl.h>
#include <hdf5_hl.h>
#include <unistd.h>

#include "sim/error.hpp"

namespace prefdyn::h5 {

FloatAppender::FloatAppender(const std::string& path)
    : path_(path), file_(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose) {
    check(file_.id(), "file");
}

void FloatAppender::check(hid_t status, const std::string& what) const {
    if (status < 0) throw InputError(path_ + ": " + what + " cannot be written", "disk full?");
}

void FloatAppender::write(const std::string& name, const float* data, const Shape& shape,
                          const std::string& description) {
    const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                       H5Sclose);
    const Handle plist(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_obj_track_times(plist.id(), false);
    const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links.id(), 1);
    const Handle set(H5Dcreate2(file_.id(), name.c_str(), H5T_NATIVE_FLOAT, space.id(), links.id(),
                                plist.id(), H5P_DEFAULT),
                     H5Dclose);
    check(set.id(), "dataset '" + name + "'");
    check(H5Dwrite(set.id(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data),
          "dataset '" + name + "'");
    check(H5LTset_attribute_string(file_.id(), name.c_str(), "description", description.c_str()),
          "description of '" + name + "'");
}

void FloatAppender::close() {
    check(H5Fflush(file_.id(), H5F_SCOPE_GLOBAL), "file");
    file_ = Handle(-1, H5Fclose);
    const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ::fsync(fd);
    ::close(fd);
}

}  // namespace prefdyn::h5
