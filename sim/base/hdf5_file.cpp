#include "sim/base/hdf5_file.hpp"

#include <hdf5_hl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "sim/base/child.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/lfs_pointer.hpp"
#include "sim/base/output_file.hpp"

namespace prefdyn::h5 {

namespace {

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
std::string whole_reason() {
    std::string text;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
    H5Eclear2(H5E_DEFAULT);
    return text.empty() ? "no reason given" : text;
}

std::string reason() { return brief(whole_reason()); }

Handle own(hid_t id, Handle::Closer closer, const std::string& what, const std::string& hint = {}) {
    if (id < 0) throw InputError(what + ": " + reason(), hint);
    return Handle(id, closer);
}

/// Of what is being written: a failure is the machine's.
Handle written(hid_t id, Handle::Closer closer, const std::string& what) {
    if (id < 0) throw WriteError(what + ": " + reason(), "choose a place with room for it");
    return Handle(id, closer);
}

Handle open_for_reading(const std::string& path) {
    silence();
    if (access(path.c_str(), R_OK) != 0)
        throw InputError(path + ": cannot be read: " + std::strerror(errno));
    refuse_pointer(path);
    const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    if (id >= 0) return Handle(id, H5Fclose);
    const std::string why = whole_reason();
    if (why.find("unable to lock file") != why.npos)
        throw InputError(path + ": is locked: another program has it open for writing",
                         "wait until that program closes it; HDF5_USE_FILE_LOCKING=FALSE reads it "
                         "where the file system's locks do not work");
    throw InputError(path + ": not a readable HDF5 file: " + brief(why),
                     "the file may be truncated or of another format");
}

/// The library does not say why it cannot create a file; the system does.
Handle create_file(const std::string& path) {
    silence();
    OutputFile empty(path);
    empty.close();
    const Handle plist(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    H5Pset_obj_track_times(plist.id(), false);
    return written(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, plist.id(), H5P_DEFAULT), H5Fclose,
                   path + ": cannot be created");
}

/// Grows by this many bytes; nothing lies on the disk.
Handle create_in_memory() {
    silence();
    constexpr std::size_t kStep = std::size_t{1} << 16;
    const Handle plist(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    H5Pset_obj_track_times(plist.id(), false);
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fapl_core(access.id(), kStep, false);
    return written(H5Fcreate("in memory", H5F_ACC_TRUNC, plist.id(), access.id()), H5Fclose,
                   "an HDF5 file in memory cannot be made");
}

herr_t collect_group(hid_t parent, const char* name, const H5L_info_t*, void* out) {
    const hid_t object = H5Oopen(parent, name, H5P_DEFAULT);
    if (object < 0) return 0;  // a dangling link is no group
    if (H5Iget_type(object) == H5I_GROUP)
        static_cast<std::vector<std::string>*>(out)->push_back(name);
    H5Oclose(object);
    return 0;
}

/// UTF-8. Texts of datasets have any length: xarray takes fixed lengths for bytes, R cannot open
/// them. Attributes have fixed lengths: Octave reads no others.
Handle string_type(std::size_t length = H5T_VARIABLE) {
    Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.id(), length);
    H5Tset_cset(type.id(), H5T_CSET_UTF8);
    if (length != H5T_VARIABLE) H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
    return type;
}

}  // namespace

namespace {

constexpr double kGiB = 1073741824.0;

/// Sizes from a file, multiplied with a check.
std::size_t product(const Shape& shape, std::size_t each, const std::string& place) {
    constexpr auto kMost = std::size_t{1} << 62;
    std::size_t out = each;
    for (const hsize_t extent : shape) {
        if (extent == 0) return 0;
        if (out > kMost / extent)
            throw InputError(place + " claims more numbers than there can be");
        out *= extent;
    }
    return out;
}

void require_own_storage(hid_t data, const std::string& place) {
    const Handle plist(H5Dget_create_plist(data), H5Pclose);
    if (H5Pget_layout(plist.id()) == H5D_VIRTUAL || H5Pget_external_count(plist.id()) > 0)
        throw InputError(place + " lies in other files",
                         "a copy made with h5py has the numbers in the file itself");
}

/// Names the filter that is missing, where one is.
[[noreturn]] void fail_to_read(hid_t data, const std::string& place) {
    const std::string why = reason();
    const Handle plist(H5Dget_create_plist(data), H5Pclose);
    for (int k = 0; k < H5Pget_nfilters(plist.id()); ++k) {
        unsigned flags = 0;
        std::size_t values = 0;
        char name[64] = {};
        const H5Z_filter_t filter = H5Pget_filter2(plist.id(), static_cast<unsigned>(k), &flags,
                                                   &values, nullptr, sizeof name, name, nullptr);
        if (H5Zfilter_avail(filter) <= 0)
            throw InputError(place + " is compressed by the filter '" + name + "' (" +
                                 std::to_string(filter) + "), which is not installed here",
                             "write it with gzip or without compression");
    }
    throw InputError(place + " cannot be read: " + why, "the file may be truncated");
}

/// Memory follows what is stored: no compression makes more than a thousand bytes of one.
void require_stored(hid_t data, std::size_t bytes, const std::string& place) {
    constexpr std::size_t kFree = std::size_t{64} << 20, kMostFold = 1100;
    const std::size_t stored = H5Dget_storage_size(data);
    if (bytes > kFree && bytes / kMostFold > stored)
        throw InputError(place + " claims " + std::to_string(bytes) + " bytes and stores " +
                             std::to_string(stored),
                         "it was never filled; write its values");
    const double limit = kGiB * static_cast<double>(read_limit_gib);
    if (static_cast<double>(bytes) > limit)
        throw InputError(place + " takes " + std::to_string(bytes) + " bytes of memory, at most " +
                             std::to_string(read_limit_gib) + " GiB are read",
                         "--read-limit raises the limit");
}

void send(Channel& to, bool value) { to.write(&value, sizeof value); }
void receive(Channel& from, bool& value) { from.read(&value, sizeof value); }

template <class Value>
void send(Channel& to, const std::vector<Value>& values) {
    const std::uint64_t count = values.size();
    to.write(&count, sizeof count);
    to.write(values.data(), count * sizeof(Value));
}

/// One behind the other, with their lengths before them: a call each would take long.
void send(Channel& to, const std::vector<std::string>& values) {
    std::vector<std::uint64_t> lengths;
    std::vector<char> all;
    for (const std::string& each : values) {
        lengths.push_back(each.size());
        all.insert(all.end(), each.begin(), each.end());
    }
    send(to, lengths);
    send(to, all);
}

template <class Value>
void receive(Channel& from, std::vector<Value>& values) {
    std::uint64_t count = 0;
    from.read(&count, sizeof count);
    values.resize(count);
    from.read(values.data(), count * sizeof(Value));
}

void receive(Channel& from, std::vector<std::string>& values) {
    std::vector<std::uint64_t> lengths;
    std::vector<char> all;
    receive(from, lengths);
    receive(from, all);
    std::size_t at = 0;
    for (const std::uint64_t length : lengths) {
        values.emplace_back(all.data() + at, length);
        at += length;
    }
}

/// As much time as a slow decompression of the whole file takes.
ChildLimits limits_for(const std::string& path) {
    constexpr double kSeconds = 60.0, kBytesPerSecond = 2e6;
    std::error_code failed;
    const auto size = std::filesystem::file_size(path, failed);
    return {static_cast<std::size_t>(read_limit_gib) << 30,
            kSeconds + (failed ? 0.0 : static_cast<double>(size) / kBytesPerSecond)};
}

}  // namespace

/// Reads in this process.
class Reader::Direct {
  public:
    explicit Direct(const std::string& path) : path_(path), file_(open_for_reading(path)) {}

    bool has_dataset(const std::string& name) const {
        const hid_t id = H5Dopen2(file_.id(), name.c_str(), H5P_DEFAULT);
        if (id >= 0) H5Dclose(id);
        H5Eclear2(H5E_DEFAULT);
        return id >= 0;
    }
    std::vector<std::string> groups() const {
        std::vector<std::string> names;
        H5Literate(file_.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_group, &names);
        std::sort(names.begin(), names.end());
        return names;
    }
    Shape shape(const std::string& dataset) const {
        const Handle data = open(dataset);
        const Handle space(H5Dget_space(data.id()), H5Sclose);
        const int rank = H5Sget_simple_extent_ndims(space.id());
        Shape out(rank > 0 ? static_cast<std::size_t>(rank) : 0);
        if (rank > 0) H5Sget_simple_extent_dims(space.id(), out.data(), nullptr);
        return out;
    }
    std::vector<double> numbers(const std::string& dataset) const;
    std::vector<std::string> strings(const std::string& dataset) const;
    std::string text_attribute(const std::string& key) const;

  private:
    std::string place(const std::string& dataset) const {
        return path_ + ": dataset '" + dataset + "'";
    }
    Handle open(const std::string& dataset) const {
        return own(H5Dopen2(file_.id(), dataset.c_str(), H5P_DEFAULT), H5Dclose,
                   place(dataset) + " cannot be opened",
                   "h5ls -r FILE lists what it holds; expected are features (n, d) and label (n)");
    }
    std::string path_;
    Handle file_;
};

std::vector<double> Reader::Direct::numbers(const std::string& dataset) const {
    const Handle data = open(dataset);
    const Handle type(H5Dget_type(data.id()), H5Tclose);
    const H5T_class_t kind = H5Tget_class(type.id());
    if (kind != H5T_INTEGER && kind != H5T_FLOAT)
        throw InputError(path_ + ": dataset '" + dataset + "' holds neither integers nor floats",
                         "save it as float64, float32 or an integer type");
    const std::size_t count = product(shape(dataset), 1, place(dataset));
    require_own_storage(data.id(), place(dataset));
    require_stored(data.id(), product({count}, sizeof(double), place(dataset)), place(dataset));
    std::vector<double> out(count);
    if (count > 0 &&
        H5Dread(data.id(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) < 0)
        fail_to_read(data.id(), place(dataset));
    return out;
}

/// The texts of a dataset or attribute of variable-length strings, which `read` puts where it is
/// told; then gives them back to the library.
template <class Read>
std::vector<std::string> variable_strings(hid_t type, hid_t space, std::size_t count, Read read) {
    std::vector<char*> raw(count, nullptr);
    if (count > 0 && read(raw.data()) < 0) return {};
    std::vector<std::string> out;
    for (const char* text : raw) out.emplace_back(text ? text : "");
    if (count > 0) H5Dvlen_reclaim(type, space, H5P_DEFAULT, raw.data());
    return out;
}

std::vector<std::string> Reader::Direct::strings(const std::string& dataset) const {
    const Handle data = open(dataset);
    const Handle type(H5Dget_type(data.id()), H5Tclose);
    if (H5Tget_class(type.id()) != H5T_STRING)
        throw InputError(path_ + ": dataset '" + dataset + "' does not hold strings");
    const bool variable = H5Tis_variable_str(type.id()) > 0;
    const std::size_t length = H5Tget_size(type.id());
    const std::size_t count = product(shape(dataset), 1, place(dataset));
    const std::size_t bytes = product({count}, length, place(dataset));
    require_own_storage(data.id(), place(dataset));
    require_stored(data.id(), bytes, place(dataset));
    if (variable) {
        const Handle space(H5Dget_space(data.id()), H5Sclose);
        auto out = variable_strings(type.id(), space.id(), count, [&](void* raw) {
            return H5Dread(data.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, raw);
        });
        if (out.size() != count) fail_to_read(data.id(), place(dataset));
        return out;
    }
    std::vector<char> raw(bytes);
    if (count > 0 && H5Dread(data.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, raw.data()) < 0)
        fail_to_read(data.id(), place(dataset));
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i)
        out.emplace_back(raw.data() + i * length, strnlen(raw.data() + i * length, length));
    return out;
}

std::string Reader::Direct::text_attribute(const std::string& key) const {
    const std::string place = path_ + ": attribute '" + key + "'";
    if (H5Aexists(file_.id(), key.c_str()) <= 0) throw InputError(place + " is missing");
    const Handle attribute(H5Aopen(file_.id(), key.c_str(), H5P_DEFAULT), H5Aclose);
    const Handle type(H5Aget_type(attribute.id()), H5Tclose);
    if (H5Tget_class(type.id()) != H5T_STRING) throw InputError(place + " is no string");
    const Handle space(H5Aget_space(attribute.id()), H5Sclose);
    if (H5Sget_simple_extent_npoints(space.id()) != 1)
        throw InputError(place + " is no single string");
    if (H5Tis_variable_str(type.id()) > 0) {
        const auto out = variable_strings(type.id(), space.id(), 1, [&](void* raw) {
            return H5Aread(attribute.id(), type.id(), raw);
        });
        if (out.empty()) throw InputError(place + " cannot be read: " + reason());
        return out[0];
    }
    std::string out(H5Tget_size(type.id()), '\0');
    if (H5Aread(attribute.id(), type.id(), out.data()) < 0)
        throw InputError(place + " cannot be read: " + reason());
    out.resize(strnlen(out.data(), out.size()));
    return out;
}

Reader::Reader(const std::string& path, From from) : path_(path) {
    if (from == From::kHere) direct_ = std::make_unique<Direct>(path);
    if (from == From::kOutside)
        in_child(
            path, limits_for(path), [&](Channel&) { Direct opened(path); }, [](Channel&) {});
}

Reader::Reader(Reader&&) noexcept = default;
Reader::~Reader() = default;

/// The method's result on the file, be it read here or in a child.
template <class Result, class Method>
Result Reader::ask(Method method) const {
    if (direct_) return method(*direct_);
    Result out{};
    in_child(
        path_, limits_for(path_), [&](Channel& to) { send(to, method(Direct(path_))); },
        [&](Channel& from) { receive(from, out); });
    return out;
}

bool Reader::has_dataset(const std::string& name) const {
    return ask<bool>([&](const Direct& file) { return file.has_dataset(name); });
}

std::vector<std::string> Reader::groups() const {
    return ask<std::vector<std::string>>([](const Direct& file) { return file.groups(); });
}

Shape Reader::shape(const std::string& dataset) const {
    return ask<Shape>([&](const Direct& file) { return file.shape(dataset); });
}

std::vector<double> Reader::numbers(const std::string& dataset) const {
    return ask<std::vector<double>>([&](const Direct& file) { return file.numbers(dataset); });
}

std::vector<std::string> Reader::strings(const std::string& dataset) const {
    return ask<std::vector<std::string>>([&](const Direct& file) { return file.strings(dataset); });
}

std::string Reader::text_attribute(const std::string& key) const {
    return ask<std::vector<std::string>>([&](const Direct& file) {
               return std::vector<std::string>{file.text_attribute(key)};
           })
        .at(0);
}

Writer::Writer(const std::string& path) : path_(path), file_(create_file(path)) {}

Writer::Writer() : path_("a file in memory"), file_(create_in_memory()) {}

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
    const Handle set = written(
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
    std::vector<const char*> raw;
    for (const auto& text : data) raw.push_back(text.c_str());
    write_raw(name, string_type().id(), raw.data(), shape);
}

void Writer::attribute_raw(const std::string& object, const std::string& key, hid_t type,
                           const void* data) {
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle attr =
        written(H5Acreate_by_name(file_.id(), object.c_str(), key.c_str(), type, space.id(),
                                  H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
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
    const std::string last = name.substr(name.rfind('/') + 1);
    check(H5DSset_scale(set.id(), last.c_str()), "dimension scale '" + name + "'");
}

void Writer::attach_scale(const std::string& dataset, unsigned axis, const std::string& scale) {
    const Handle set(H5Dopen2(file_.id(), dataset.c_str(), H5P_DEFAULT), H5Dclose);
    const Handle coordinate(H5Dopen2(file_.id(), scale.c_str(), H5P_DEFAULT), H5Dclose);
    check(H5DSattach_scale(set.id(), coordinate.id(), axis), "axis of '" + dataset + "'");
}

void Writer::close() {
    check(H5Fflush(file_.id(), H5F_SCOPE_GLOBAL), "file");
    check(H5Fclose(file_.release()), "end of the file");
    force_to_disk(path_);
}

std::string Writer::image() const {
    check(H5Fflush(file_.id(), H5F_SCOPE_GLOBAL), "file");
    const ssize_t size = H5Fget_file_image(file_.id(), nullptr, 0);
    std::string out(static_cast<std::size_t>(std::max<ssize_t>(size, 0)), '\0');
    if (size <= 0 || H5Fget_file_image(file_.id(), out.data(), out.size()) != size)
        throw MachineError(path_ + ": has no image: " + reason());
    return out;
}

}  // namespace prefdyn::h5
