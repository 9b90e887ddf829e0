#pragma once
// Training and held-out rows of one dataset.

#include <string>
#include <vector>

#include "sim/data/dataset.hpp"

namespace prefdyn {

enum class SplitKind {
    kRandom,     ///< whatever classes the draw gives
    kStratified  ///< the same share of either class
};
inline std::vector<std::string> split_names() { return {"random", "stratified"}; }

/// Row numbers, ascending.
struct SplitRows {
    std::vector<Index> train, held_out;
};

/// floor((1 - held_out) n) rows to train on, drawn without replacement; stratified: of each class.
/// Which ones is a function of (seed, index) and the labels. Throws InputError if a class is
/// missing among the training rows, or among the held-out ones where there are any; labels that are
/// all 0 are no classes.
SplitRows split_rows(const Dataset& data, double held_out, SplitKind kind, std::uint64_t seed,
                     std::uint64_t index);

/// Rows `rows` of the dataset.
Dataset select(const Dataset& data, const std::vector<Index>& rows);

}  // namespace prefdyn
