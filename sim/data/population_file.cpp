#include <filesystem>

#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/data/population.hpp"
#include "sim/lm/text/text_file.hpp"

namespace prefdyn {

namespace {

constexpr const char* kExpected =
    "expected weights (C), labels (C), means (C, d) and covariances (C, d, d) or (C, d), as "
    "datasets of an HDF5 file or .npy files of a folder (docs/your-data.md)";

NpyArray dataset(const h5::Reader& file, const std::string& name) {
    if (!file.has_dataset(name))
        throw InputError(file.path() + ": no dataset '" + name + "'", kExpected);
    const h5::Shape shape = file.shape(name);
    return {{shape.begin(), shape.end()}, file.numbers(name)};
}

NpyArray array_file(const std::string& folder, const std::string& name) {
    const std::string path = folder + "/" + name + ".npy";
    if (!std::filesystem::exists(path)) throw InputError(path + ": no such file", kExpected);
    return read_npy(path);
}

template <class Read>
PopulationArrays arrays_of(Read read) {
    return {read("weights"), read("labels"), read("means"), read("covariances")};
}

}  // namespace

Population read_population(const std::string& path) {
    if (std::filesystem::is_directory(path))
        return {arrays_of([&](const char* name) { return array_file(path, name); }), path};
    text::require_regular_file(path, kExpected);
    if (path.ends_with(".npy"))
        throw InputError(path + ": one .npy file is no population", kExpected);
    const h5::Reader file(path, h5::From::kOutside);
    return {arrays_of([&](const char* name) { return dataset(file, name); }), path};
}

}  // namespace prefdyn
