#pragma once
#include <cstddef>
#include <span>

#include "theory/population.hpp"
#include "theory/statistics.hpp"

namespace prefdyn::theory {

/// ||zbar||^2 - ||E zbar||^2 over independent samples of one population, feature units squared.
struct NoiseFloor {
    std::size_t samples = 0;
    double excess = 0.0;          ///< mean
    double standard_error = 0.0;  ///< of the mean
    double predicted = 0.0;       ///< tr S / n
    bool finite_fourth_moment = true;
};

/// One entry a sample, at least two; all of the same n and S.
NoiseFloor noise_floor(std::span<const MeanStatistics> means,
                       std::span<const PopulationFacts> population, bool finite_fourth_moment);

}  // namespace prefdyn::theory
