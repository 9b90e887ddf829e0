#pragma once
#include <vector>

#include "experiments/run_config.hpp"
#include "experiments/suite.hpp"
#include "theory/claim.hpp"

namespace prefdyn {

/// One claim of section 3 held against many replicates of one setting.
struct CoverageRow {
    std::string claim, setting;
    FeatureSpec features;
    double delta;
    theory::Verdict verdict;
};

struct CoverageSetting {
    std::string name;
    FeatureSpec features;
};

std::vector<CoverageSetting> coverage_settings(Profile profile);

/// Sample means of `replicates` independent datasets and what the population says about each.
struct Replicates {
    std::vector<theory::MeanStatistics> means;
    std::vector<theory::PopulationFacts> population;

    std::vector<theory::Evidence> evidence(double delta) const;
};

/// Replicate r is a pure function of (features, seed, r).
Replicates draw_replicates(const FeatureSpec& features, std::size_t replicates, std::uint64_t seed);

/// Every claim of Scope::kReplicate in `claims`, every setting, every delta in {0.1, 0.01}.
std::vector<CoverageRow> cover(const std::vector<theory::Claim>& claims, Profile profile,
                               std::size_t replicates, std::uint64_t seed);

}  // namespace prefdyn
