#include "tests/fuzz/fuzz_folder.hpp"

#include <hdf5.h>
#include <hdf5_hl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

namespace prefdyn::fuzz {

namespace {

using Data = FuzzedDataProvider;

const std::string& pick(Data& data, const std::vector<std::string>& names) {
    return names[data.ConsumeIntegralInRange<std::size_t>(0, names.size() - 1)];
}

std::vector<hsize_t> extents(Data& data) {
    static const hsize_t kAll[] = {0, 1, 2, 3, 4, 5, 8, 1000, 70000, hsize_t{1} << 33};
    std::vector<hsize_t> out(data.ConsumeIntegralInRange<std::size_t>(0, 3));
    for (hsize_t& extent : out) {
        const auto k = data.ConsumeIntegralInRange<std::size_t>(0, 60);
        extent = kAll[k < std::size(kAll) ? k : 1 + k % 6];
    }
    return out;
}

/// A type that the caller closes.
hid_t file_type(Data& data) {
    const hid_t simple[] = {H5T_IEEE_F64LE, H5T_IEEE_F32LE, H5T_IEEE_F64BE, H5T_STD_I8LE,
                            H5T_STD_I64LE,  H5T_STD_U64LE,  H5T_STD_I32BE,  H5T_STD_U8LE};
    const auto k = data.ConsumeIntegralInRange<std::size_t>(0, 15);
    if (k < std::size(simple)) return H5Tcopy(simple[k]);
    if (k == 8) return H5Tcreate(H5T_OPAQUE, 3);
    if (k == 9) return H5Tcopy(H5T_STD_REF_OBJ);
    if (k == 10) {
        const hsize_t two = 2;
        return H5Tarray_create2(H5T_IEEE_F64LE, 1, &two);
    }
    if (k == 11) return H5Tvlen_create(H5T_STD_I32LE);
    if (k == 12) {
        const hid_t compound = H5Tcreate(H5T_COMPOUND, 8);
        H5Tinsert(compound, "a", 0, H5T_IEEE_F64LE);
        return compound;
    }
    const hid_t text = H5Tcopy(H5T_C_S1);
    static const std::size_t kLengths[] = {1, 7, 36, 5000};
    H5Tset_size(text, k == 13 ? H5T_VARIABLE : kLengths[data.ConsumeIntegralInRange(0, 3)]);
    H5Tset_cset(text, data.ConsumeBool() ? H5T_CSET_UTF8 : H5T_CSET_ASCII);
    H5Tset_strpad(text, data.ConsumeBool() ? H5T_STR_NULLPAD : H5T_STR_SPACEPAD);
    return text;
}

double odd_number(Data& data) {
    static const double kAll[] = {1.0,
                                  -1.0,
                                  0.0,
                                  -0.0,
                                  2.0,
                                  0.5,
                                  1e300,
                                  1e19,
                                  -1e19,
                                  4.0,
                                  std::numeric_limits<double>::quiet_NaN(),
                                  std::numeric_limits<double>::infinity()};
    return kAll[data.ConsumeIntegralInRange<std::size_t>(0, std::size(kAll) - 1)];
}

/// Values in memory: numbers for numeric types, bytes for the others. False if there is nothing to
/// write.
bool write_values(Data& data, hid_t set, hid_t type, std::size_t count) {
    constexpr std::size_t kMost = std::size_t{1} << 20;  // bytes: what is larger says nothing more
    if (count * H5Tget_size(type) > kMost) return false;
    const H5T_class_t kind = H5Tget_class(type);
    if (kind == H5T_INTEGER || kind == H5T_FLOAT) {
        std::vector<double> values(count);
        const double usual = odd_number(data);
        const bool counting = data.ConsumeBool();
        for (std::size_t k = 0; k < count; ++k)
            values[k] = k < 8 && data.ConsumeBool() ? odd_number(data)
                        : counting                  ? static_cast<double>(k)
                                                    : usual;
        return H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0;
    }
    if (kind == H5T_STRING && H5Tis_variable_str(type) > 0) {
        const std::string text = data.ConsumeRandomLengthString(64);
        std::vector<const char*> all(count, text.c_str());
        return H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()) >= 0;
    }
    if (kind != H5T_STRING && kind != H5T_OPAQUE) return false;
    std::vector<unsigned char> bytes(count * H5Tget_size(type));
    const auto some = data.ConsumeBytes<unsigned char>(64);
    for (std::size_t k = 0; k < bytes.size() && !some.empty(); ++k)
        bytes[k] = some[k % some.size()];
    return H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) >= 0;
}

void write_dataset(Data& data, hid_t file, const std::string& name) {
    const auto shape = extents(data);
    std::size_t count = 1;
    for (const hsize_t extent : shape) count = count > 100000 ? count : count * extent;
    const bool none = data.ConsumeIntegralInRange(0, 20) == 0;
    const hid_t space =
        none            ? H5Screate(H5S_NULL)
        : shape.empty() ? H5Screate(H5S_SCALAR)
                        : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t type = file_type(data), how = H5Pcreate(H5P_DATASET_CREATE),
                links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    const int storage = data.ConsumeIntegralInRange(0, 3);
    if (storage == 1 && !shape.empty()) {
        std::vector<hsize_t> chunk(shape.size(), data.ConsumeIntegralInRange<hsize_t>(1, 16));
        H5Pset_chunk(how, static_cast<int>(chunk.size()), chunk.data());
        if (data.ConsumeBool()) H5Pset_deflate(how, 6);
        if (data.ConsumeBool()) H5Pset_fletcher32(how);
    }
    if (storage == 2) H5Pset_layout(how, H5D_COMPACT);
    if (storage == 3) H5Pset_external(how, "/dev/zero", 0, H5F_UNLIMITED);
    const hid_t set = H5Dcreate2(file, name.c_str(), type, space, links, how, H5P_DEFAULT);
    if (set >= 0) {
        if (!none && count <= 100000 && storage != 3 && data.ConsumeIntegralInRange(0, 9) > 0)
            write_values(data, set, type, count);
        H5Dclose(set);
    }
    for (const hid_t property : {how, links}) H5Pclose(property);
    H5Tclose(type);
    H5Sclose(space);
}

void write_attribute(Data& data, hid_t file, const std::string& name) {
    if (data.ConsumeBool()) {
        H5LTset_attribute_string(file, "/", name.c_str(),
                                 data.ConsumeRandomLengthString(80).c_str());
        return;
    }
    const hid_t type = file_type(data), space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(file, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0) H5Aclose(attribute);
    H5Tclose(type);
    H5Sclose(space);
}

void write_link(Data& data, hid_t file, const std::string& name, const std::string& other) {
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    switch (data.ConsumeIntegralInRange(0, 3)) {
        case 0:
            H5Lcreate_soft(other.c_str(), file, name.c_str(), links, H5P_DEFAULT);
            break;
        case 1:
            H5Lcreate_external("/dev/null", "/x", file, name.c_str(), links, H5P_DEFAULT);
            break;
        case 2:
            H5Lcreate_hard(file, "/", file, name.c_str(), links, H5P_DEFAULT);
            break;
        default: {
            const hid_t type = file_type(data);
            H5Tcommit2(file, name.c_str(), type, links, H5P_DEFAULT, H5P_DEFAULT);
            H5Tclose(type);
        }
    }
    H5Pclose(links);
}

}  // namespace

std::string folder() {
    static const std::string name = [] {
        const std::string out = "/dev/shm/prefdyn-fuzz-" + std::to_string(getpid());
        std::filesystem::create_directories(out);
        return out;
    }();
    return name;
}

std::string file_with(const std::string& name, std::string_view content) {
    const std::string path = folder() + "/" + name;
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
    return path;
}

void write_hdf5(Data& data, const std::string& path, const std::vector<std::string>& names) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    for (int k = 0; k < 12 && data.remaining_bytes() > 0; ++k) {
        const std::string& name = pick(data, names);
        switch (data.ConsumeIntegralInRange(0, 9)) {
            case 0:
                write_attribute(data, file, name);
                break;
            case 1:
                write_link(data, file, name, pick(data, names));
                break;
            default:
                write_dataset(data, file, name);
        }
    }
    H5Fclose(file);
}

std::string safetensors(Data& data, const std::vector<std::string>& names) {
    static const char* kTypes[] = {"F32", "F16", "BF16", "F64", "I64", "BOOL", "F8_E4M3", "x"};
    nlohmann::json header = nlohmann::json::object();
    std::size_t end = 0;
    for (int k = 0; k < 40 && data.remaining_bytes() > 0; ++k) {
        std::vector<std::uint64_t> shape(data.ConsumeIntegralInRange<std::size_t>(0, 3));
        std::size_t count = 4;
        for (auto& extent : shape) {
            const auto which = data.ConsumeIntegralInRange(0, 30);
            extent = which == 0 ? std::uint64_t{1} << 40 : which < 9 ? which - 1u : 8u;
            count *= extent < 1000 ? extent : 1;
        }
        if (data.ConsumeIntegralInRange(0, 15) == 0) count = data.ConsumeIntegral<std::uint32_t>();
        const char* type = kTypes[data.ConsumeBool() ? 0 : data.ConsumeIntegralInRange(0, 7)];
        header[pick(data, names)] = {
            {"dtype", type}, {"shape", shape}, {"data_offsets", {end, end + count}}};
        end += count;
    }
    const std::string text = header.dump();
    std::string out(8, '\0');
    const std::uint64_t size = data.ConsumeIntegralInRange(0, 15) == 0
                                   ? data.ConsumeIntegral<std::uint64_t>()
                                   : text.size();
    std::memcpy(out.data(), &size, sizeof size);
    return out + text + std::string(std::min<std::size_t>(end, 1 << 16), '\1');
}

}  // namespace prefdyn::fuzz
