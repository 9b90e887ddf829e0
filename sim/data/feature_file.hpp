#pragma once
#include <string>
#include <vector>

#include "sim/data/dataset.hpp"

namespace prefdyn {

/// Features from a file, one validated Dataset a behaviour, sorted by name.
///   *.h5, *.hdf5  groups with `features` (n, d) and `label` (n) in {-1, +1}; or both at the root,
///   the
///                 behaviour is then named after the file
///   *.npy         features (n, d); `labels_path` is a second .npy with (n) labels
/// Throws InputError with file, dataset, index and value.
std::vector<Dataset> read_features(const std::string& path, const std::string& labels_path = {});

}  // namespace prefdyn
