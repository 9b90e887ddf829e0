#pragma once
#include <vector>

#include "experiments/runs/run_config.hpp"
#include "sim/data/population.hpp"

namespace prefdyn {

enum class Profile { kQuick, kDefault, kFull };

struct SuiteRun {
    std::string suite;  ///< which axis is varied
    RunConfig config;
};

/// The synthetic runs of `prefdyn verify`: distinguishability x dimension x n as a grid, every
/// other axis (covariance, tails, balance, trainer, exact moments, dense engine) varied around its
/// centre.
std::vector<SuiteRun> synthetic_suite(Profile profile, std::uint64_t seed);

/// The same of a population of the user's own, read before: n, trainer, step size and beta varied.
std::vector<SuiteRun> population_suite(const Population& population, Profile profile,
                                       std::uint64_t seed);

}  // namespace prefdyn
