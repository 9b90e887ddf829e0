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

/// What replicates are drawn from. Trace and norm of S are the same for all of them.
struct DatasetLaw {
    std::function<Dataset(std::uint64_t seed)> sample;
    std::function<theory::PopulationFacts(const Dataset&)> facts;
    /// || E zbar || for the labels of a sample.
    std::function<double(const Dataset&)> mean_norm;
    bool fourth_moment;  ///< is finite
};
DatasetLaw law_of(const FeatureSpec& features, std::uint64_t seed);
/// Of n rows of a population of the user's own.
DatasetLaw law_of(std::shared_ptr<const Population> population, Index n);
/// One is made of every seed.
using LawMaker = std::function<DatasetLaw(std::uint64_t seed)>;
LawMaker laws_of(const FeatureSpec& features);
/// Of the plan's population, few samples and more, by their names.
std::vector<std::pair<std::string, LawMaker>> laws_of_population(const VerifyPlan& plan);

Replicates draw_replicates(const DatasetLaw& law, std::size_t replicates, std::uint64_t seed);
/// Replicate r is a pure function of (features, seed, r).
Replicates draw_replicates(const FeatureSpec& features, std::size_t replicates, std::uint64_t seed);

/// T5g, T5b, T5m and T5a in every setting, for every delta in {0.1, 0.01}.
Study coverage_study();

}  // namespace prefdyn
