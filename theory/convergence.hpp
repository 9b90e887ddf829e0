#pragma once
// A limit is not assumed but watched: errors at growing sizes, and the power law they follow.

#include <vector>

#include "theory/claim.hpp"

namespace prefdyn::theory {

/// Errors at each size in independent replicates of an experiment.
struct Convergence {
    std::vector<double> size;                ///< increasing, at least two
    std::vector<std::vector<double>> error;  ///< [replicate][size], positive; at least two rows
    double slope;                            ///< predicted d log error / d log size
    double slope_resolution;  ///< the slope must be known this well for the comparison to count
    double tolerance;         ///< of the root mean square error at the largest size
};

/// log error = slope log size + constant.
struct PowerLaw {
    double slope;
    double half_width;  ///< of the confidence interval of the slope at level 1 - kSlopeLevel
};

/// Chance that the interval misses the true slope.
inline constexpr double kSlopeLevel = 1e-5;

/// Least squares in every replicate; the interval is Student's t over the replicates' slopes.
PowerLaw fit_power_law(const Convergence& convergence);

/// Root mean square over replicates at size k.
double rms_error(const Convergence& convergence, std::size_t k);

/// Convergence was measured, and finely enough to tell the slope to `slope_resolution`.
Assumption resolved_slope();

/// rms error at the largest size <= tolerance, and the slope's interval contains the predicted one.
std::vector<Comparison> convergence_comparisons(const Evidence& evidence);

}  // namespace prefdyn::theory
