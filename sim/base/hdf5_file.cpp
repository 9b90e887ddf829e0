#include "sim/base/hdf5_file.hpp"

#include <fcntl.h>
#include <hdf5_hl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "sim/base/failure.hpp"

namespace prefdyn::h5 {

namespace {

constexpr hsize_t kMaxElements = hsize_t{1} << 33;

/// The library's own end crashes on a file that a full disk kept it from closing; every file here
/// is closed by its handle, and the library needs no end.
void silence() {
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

herr_t keep_first(unsigned n, const H5E_error2_t* error, void* out) {
    if (n == 0 && error->desc) *static_cast<std::string*>(out) = error->desc;
    return 0;
}

/// The system's message where HDF5 quotes one among times and addresses, else the first line.
std::string brief(const std::string& text) {
    const std::string mark = "error message = '";
    const auto at = text.find(mark);
    if (at == std::string::npos) return text.substr(0, text.find('\n'));
    const auto first = at + mark.size();
    return text.substr(first, text.find('\'', first) - first);
}

/// The innermost entry of HDF5's error stack.
std::string reason() {
    std::string text;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
    H5Eclear2(H5E_DEFAULT);
    return text.empty() ? "no reason given" : brief(text);
}

Handle own(hid_t id, Handle::Closer closer, const std::string& what, const std::string& hint = {}) {
    if (id < 0) throw InputError(what + ": " + reason(), hint);
    return Handle(id, closer);
}

Handle open_for_reading(const std::string& path) {
    silence();
    if (access(path.c_str(), R_OK) != 0)
        throw InputError(path + ": cannot be read: " + std::strerror(errno));
    const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    if (id < 0)
        throw InputError(path + ": not a readable HDF5 file: " + reason(),
                         "the file may be truncated or of another format");
    return Handle(id, H5Fclose);
}

Handle create_file(const std::string& path) {
    silence();
    const Handle plist(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    H5Pset_obj_track_times(plist.id(), false);
    return own(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, plist.id(), H5P_DEFAULT), H5Fclose,
               path + ": cannot be created");
}

herr_t collect_group(hid_t parent, const char* name, const H5L_info_t*, void* out) {
    const hid_t object = H5Oopen(parent, name, H5P_DEFAULT);
    if (object < 0) return 0;  // a dangling link is no group
    if (H5Iget_type(object) == H5I_GROUP)
        static_cast<std::vector<std::string>*>(out)->push_back(name);
    H5Oclose(object);
    return 0;
}

Handle string_type(std::size_t length) {
    Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.id(), std::max<std::size_t>(length, 1));
    H5Tset_cset(type.id(), H5T_CSET_UTF8);
    H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
    return type;
}

}  // namespace

Reader::Reader(const std::string& path) : path_(path), file_(open_for_reading(path)) {}

bool Reader::has_dataset(const std::string& name) const {
    const hid_t id = H5Dopen2(file_.id(), name.c_str(), H5P_DEFAULT);
    if (id >= 0) H5Dclose(id);
    H5Eclear2(H5E_DEFAULT);
    return id >= 0;
}

std::vector<std::string> Reader::groups() const {
    std::vector<std::string> names;
    H5Literate(file_.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_group, &names);
    std::sort(names.begin(), names.end());
    return names;
}

Handle Reader::open(const std::string& dataset) const {
    return own(H5Dopen2(file_.id(), dataset.c_str(), H5P_DEFAULT), H5Dclose,
               path_ + ": dataset '" + dataset + "' cannot be opened",
               "h5ls -r FILE lists what it holds; expected are features (n, d) and label (n)");
}

Shape Reader::shape(const std::string& dataset) const {
    const Handle data = open(dataset);
    const Handle space(H5Dget_space(data.id()), H5Sclose);
    const int rank = H5Sget_simple_extent_ndims(space.id());
    Shape out(rank > 0 ? static_cast<std::size_t>(rank) : 0);
    if (rank > 0) H5Sget_simple_extent_dims(space.id(), out.data(), nullptr);
    return out;
}

std::vector<double> Reader::numbers(const std::string& dataset) const {
    const Handle data = open(dataset);
    const Handle type(H5Dget_type(data.id()), H5Tclose);
    const H5T_class_t kind = H5Tget_class(type.id());
    if (kind != H5T_INTEGER && kind != H5T_FLOAT)
        throw InputError(path_ + ": dataset '" + dataset + "' holds neither integers nor floats",
                         "save it as float64, float32 or an integer type");
    hsize_t count = 1;
    for (const hsize_t extent : shape(dataset)) {
        if (extent != 0 && count > kMaxElements / extent)
            throw InputError(path_ + ": dataset '" + dataset + "' has more than 2^33 elements");
        count *= extent;
    }
    std::vector<double> out(count);
    if (count > 0 &&
        H5Dread(data.id(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) < 0)
        throw InputError(path_ + ": dataset '" + dataset + "' cannot be read: " + reason(),
                         "the file may be truncated");
    return out;
}

std::vector<std::string> Reader::strings(const std::string& dataset) const {
    const Handle data = open(dataset);
    const Handle type(H5Dget_type(data.id()), H5Tclose);
    if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0)
        throw InputError(path_ + ": dataset '" + dataset + "' does not hold fixed-length strings");
    hsize_t count = 1;
    for (const hsize_t extent : shape(dataset)) count *= extent;
    const std::size_t length = H5Tget_size(type.id());
    std::vector<char> raw(count * length);
    if (count > 0 && H5Dread(data.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, raw.data()) < 0)
        throw InputError(path_ + ": dataset '" + dataset + "' cannot be read: " + reason());
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i)
        out.emplace_back(raw.data() + i * length, strnlen(raw.data() + i * length, length));
    return out;
}

std::string Reader::text_attribute(const std::string& key) const {
    const std::string place = path_ + ": attribute '" + key + "'";
    if (H5Aexists(file_.id(), key.c_str()) <= 0) throw InputError(place + " is missing");
    const Handle attribute(H5Aopen(file_.id(), key.c_str(), H5P_DEFAULT), H5Aclose);
    const Handle type(H5Aget_type(attribute.id()), H5Tclose);
    if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0)
        throw InputError(place + " is no fixed-length string");
    std::string out(H5Tget_size(type.id()), '\0');
    if (H5Aread(attribute.id(), type.id(), out.data()) < 0)
        throw InputError(place + " cannot be read: " + reason());
    out.resize(strnlen(out.data(), out.size()));
    return out;
}

Writer::Writer(const std::string& path) : path_(path), file_(create_file(path)) {}

void Writer::check(herr_t status, const std::string& what) const {
    if (status < 0)
        throw WriteError(path_ + ": " + what + " cannot be written: " + reason(),
                         "choose a place with room for it");
}

void Writer::write_raw(const std::string& name, hid_t type, const void* data, const Shape& shape) {
    const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                       H5Sclose);
    const Handle plist(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_obj_track_times(plist.id(), false);
    const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links.id(), 1);
    const Handle set = own(
        H5Dcreate2(file_.id(), name.c_str(), type, space.id(), links.id(), plist.id(), H5P_DEFAULT),
        H5Dclose, path_ + ": dataset '" + name + "' cannot be created");
    check(H5Dwrite(set.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), "dataset '" + name + "'");
}

void Writer::write(const std::string& name, const std::vector<double>& data, const Shape& shape) {
    write_raw(name, H5T_NATIVE_DOUBLE, data.data(), shape);
}

void Writer::write(const std::string& name, const float* data, const Shape& shape) {
    write_raw(name, H5T_NATIVE_FLOAT, data, shape);
}

void Writer::write(const std::string& name, const std::vector<std::int64_t>& data,
                   const Shape& shape) {
    write_raw(name, H5T_NATIVE_INT64, data.data(), shape);
}

void Writer::write(const std::string& name, const std::vector<std::string>& data,
                   const Shape& shape) {
    std::size_t length = 1;
    for (const auto& text : data) length = std::max(length, text.size());
    std::vector<char> raw(data.size() * length, '\0');
    for (std::size_t i = 0; i < data.size(); ++i)
        std::copy(data[i].begin(), data[i].end(),
                  raw.begin() + static_cast<std::ptrdiff_t>(i * length));
    write_raw(name, string_type(length).id(), raw.data(), shape);
}

void Writer::attribute_raw(const std::string& object, const std::string& key, hid_t type,
                           const void* data) {
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle attr = own(H5Acreate_by_name(file_.id(), object.c_str(), key.c_str(), type,
                                              space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                            H5Aclose, path_ + ": attribute '" + key + "' of '" + object + "'");
    check(H5Awrite(attr.id(), type, data), "attribute '" + key + "'");
}

void Writer::attribute(const std::string& object, const std::string& key,
                       const std::string& value) {
    const std::string padded = value.empty() ? std::string(1, '\0') : value;
    attribute_raw(object, key, string_type(padded.size()).id(), padded.data());
}

void Writer::attribute(const std::string& object, const std::string& key, double value) {
    attribute_raw(object, key, H5T_NATIVE_DOUBLE, &value);
}

void Writer::attribute(const std::string& object, const std::string& key, std::int64_t value) {
    attribute_raw(object, key, H5T_NATIVE_INT64, &value);
}

void Writer::make_scale(const std::string& name) {
    const Handle set(H5Dopen2(file_.id(), name.c_str(), H5P_DEFAULT), H5Dclose);
    check(H5DSset_scale(set.id(), name.c_str()), "dimension scale '" + name + "'");
}

void Writer::attach_scale(const std::string& dataset, unsigned axis, const std::string& scale) {
    const Handle set(H5Dopen2(file_.id(), dataset.c_str(), H5P_DEFAULT), H5Dclose);
    const Handle coordinate(H5Dopen2(file_.id(), scale.c_str(), H5P_DEFAULT), H5Dclose);
    check(H5DSattach_scale(set.id(), coordinate.id(), axis), "axis of '" + dataset + "'");
}

void Writer::close() {
    check(H5Fflush(file_.id(), H5F_SCOPE_GLOBAL), "file");
    const hid_t id = std::exchange(file_, Handle(-1, H5Fclose)).id();
    (void)id;
    const int fd = ::open(path_.c_str(), O_RDONLY);
    if (fd >= 0) {
        ::fsync(fd);
        ::close(fd);
    }
}

}  // namespace prefdyn::h5
