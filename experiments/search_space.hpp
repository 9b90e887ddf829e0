#pragma once
// What the falsifier searches: points of a unit cube, each one a dataset and a setting.

#include <optional>
#include <vector>

#include "experiments/run_config.hpp"

namespace prefdyn {

struct SearchCase {
    RunConfig config;
    std::optional<Dataset> features;  ///< if not sampled from config.features
};

/// Maps the cube [0, 1]^size to cases.
class SearchSpace {
  public:
    virtual ~SearchSpace() = default;
    virtual std::string name() const = 0;
    virtual std::size_t size() const = 0;
    virtual SearchCase at(const std::vector<double>& x) const = 0;
};

/// Sampled distributions: n, d, D, balance, common mean, spectrum, tails, beta, eta, steps, method.
/// `seed` is the seed of every sample.
std::unique_ptr<SearchSpace> dial_space(std::uint64_t seed);

/// The raw features of n <= 8 samples in d <= 4 dimensions themselves, drawn from `seed` as to
/// shape and labels, with eta and steps.
std::unique_ptr<SearchSpace> feature_space(std::uint64_t seed);

}  // namespace prefdyn
