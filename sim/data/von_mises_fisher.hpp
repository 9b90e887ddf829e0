#pragma once
// Unit vectors in R^d with density proportional to exp(concentration mean . x), ||mean|| = 1, and
// their exact moments.

#include "sim/base/stream.hpp"
#include "sim/base/types.hpp"

namespace prefdyn {

/// Throws one InputError that lists everything wrong: d < 2, a concentration that is not positive.
void validate_von_mises_fisher(Index dimension, double concentration);

/// A_d = I_{d/2}(gamma) / I_{d/2 - 1}(gamma): E x = A_d mean.
double mean_length(Index dimension, double concentration);

/// Variance of x along the mean, 1 - (d - 1) A / gamma - A^2, and along each other axis, A / gamma.
struct VonMisesFisherVariance {
    double along, across;
};
VonMisesFisherVariance variance_von_mises_fisher(Index dimension, double concentration);

/// Row i is drawn about `mean` (d), a unit vector, and depends on (seed, first + i) alone (Wood,
/// 1994: rejection for the part along the mean, a uniform direction across it).
RowMatrix sample_von_mises_fisher(const Vector& mean, double concentration, Index rows,
                                  std::uint64_t seed, std::uint64_t first = 0);

}  // namespace prefdyn
