#pragma once
// From the population to the sample (theory.md T5): how often the bounds of T5 fail.

#include "experiments/studies/study.hpp"
#include "theory/population.hpp"

namespace prefdyn {

/// Sample means of `replicates` independent datasets and what the population says about each.
struct Replicates {
    std::vector<theory::MeanStatistics> means;
    std::vector<theory::PopulationFacts> population;

    std::vector<theory::Evidence> evidence(double delta) const;
};

/// Replicate r is a pure function of (features, seed, r).
Replicates draw_replicates(const FeatureSpec& features, std::size_t replicates, std::uint64_t seed);

/// T5g, T5m and T5a in every setting, for every delta in {0.1, 0.01}.
Study coverage_study();

}  // namespace prefdyn
