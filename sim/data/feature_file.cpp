#include "sim/data/feature_file.hpp"

#include <filesystem>

#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/base/npy.hpp"
#include "sim/lm/text/text_file.hpp"

namespace prefdyn {

namespace {

template <class Shape>
std::string shape_text(const Shape& shape) {
    std::string text;
    for (const auto extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
    return "(" + text + ")";
}

struct Array {
    std::vector<std::size_t> shape;
    std::vector<double> values;
};

Dataset assemble(const std::string& name, const std::string& place, const Array& features,
                 const Array& label) {
    if (features.shape.size() != 2)
        throw InputError(place + ": features has shape " + shape_text(features.shape) +
                             ", expected two dimensions (samples x dimension)",
                         "one row a preference: save features as (n, d)");
    if (label.shape.size() != 1)
        throw InputError(place + ": label has shape " + shape_text(label.shape) +
                             ", expected one dimension (samples)",
                         "one label a row of features: save label as (n)");
    Dataset data;
    data.name = name;
    data.features =
        Eigen::Map<const RowMatrix>(features.values.data(), static_cast<Index>(features.shape[0]),
                                    static_cast<Index>(features.shape[1]));
    for (std::size_t i = 0; i < label.values.size(); ++i) {
        if (label.values[i] != 1.0 && label.values[i] != -1.0)
            throw InputError(place + ": label[" + std::to_string(i) + "] = " +
                                 std::to_string(label.values[i]) + ", allowed are +1 and -1",
                             "use +1 where the first response (Yes) is chosen, -1 otherwise");
        data.label.push_back(static_cast<std::int8_t>(label.values[i]));
    }
    validate(data, place);
    return data;
}

Array read_array(const h5::Reader& file, const std::string& dataset) {
    const h5::Shape shape = file.shape(dataset);
    return {std::vector<std::size_t>(shape.begin(), shape.end()), file.numbers(dataset)};
}

std::vector<Dataset> read_hdf5(const std::string& path) {
    const h5::Reader file(path, h5::From::kOutside);
    std::vector<Dataset> out;
    if (file.has_dataset("features"))
        out.push_back(assemble(std::filesystem::path(path).stem().string(), path,
                               read_array(file, "features"), read_array(file, "label")));
    for (const std::string& group : file.groups())
        if (file.has_dataset(group + "/features"))
            out.push_back(assemble(group, path + ": /" + group,
                                   read_array(file, group + "/features"),
                                   read_array(file, group + "/label")));
    if (out.empty())
        throw InputError(path + ": no dataset 'features' at the root or in a group",
                         "expected groups with features (n, d) and label (n) in {-1, +1}");
    return out;
}

void require_file(const std::string& path) {
    text::require_regular_file(path, "expected an HDF5 file or a .npy file");
}

std::vector<Dataset> read_npy_pair(const std::string& path, const std::string& labels_path) {
    if (labels_path.empty())
        throw InputError(path + ": labels are missing", "give them with --labels LABELS.npy");
    require_file(labels_path);
    NpyArray features = read_npy(path), label = read_npy(labels_path);
    return {assemble(std::filesystem::path(path).stem().string(), path + " + " + labels_path,
                     {features.shape, std::move(features.values)},
                     {label.shape, std::move(label.values)})};
}

}  // namespace

std::vector<Dataset> read_features(const std::string& path, const std::string& labels_path) {
    require_file(path);
    if (std::filesystem::path(path).extension() == ".npy") return read_npy_pair(path, labels_path);
    if (!labels_path.empty())
        throw InputError(
            labels_path + ": labels are given, but " + path + " is no .npy file and holds its own",
            "drop --labels");
    return read_hdf5(path);
}

}  // namespace prefdyn
