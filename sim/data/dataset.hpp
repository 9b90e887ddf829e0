#pragma once
// Preference data for one response pair: what every trainer, statistic and claim looks at.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/types.hpp"

namespace prefdyn {

/// G is (n, d), label s is (n) in {-1, +1}: +1 when the first response of the pair ("Yes") is
/// chosen.
struct Dataset {
    std::string name;
    RowMatrix features;              ///< G: row i is g_i
    std::vector<std::int8_t> label;  ///< s_i as observed, after label noise
    std::vector<std::int8_t>
        category;                ///< true class of row i (before label noise); empty if unknown
    std::vector<int> behaviour;  ///< which behaviour row i belongs to, 0 .. K - 1; empty if K = 1

    Index samples() const { return features.rows(); }
    Index dimension() const { return features.cols(); }
    Index count(int sign) const;
};

/// Throws InputError unless the shapes agree, every feature is finite, every label is +1 or -1 and
/// neither class is empty. `place` names the file or option the data came from.
void validate(const Dataset& data, const std::string& place);

/// Checksum of the bytes of features and labels, as a UUID string (part of a run id).
std::string checksum(const Dataset& data);

}  // namespace prefdyn
