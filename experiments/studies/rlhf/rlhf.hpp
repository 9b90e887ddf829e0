#pragma once
// DPO and RLHF in the tabular policy class (theory.md T10).

#include "experiments/studies/rlhf/tabular_worlds.hpp"
#include "experiments/studies/study.hpp"

namespace prefdyn {

/// How samples of growing size are drawn from a setting.
struct SamplePlan {
    std::vector<std::int64_t> size;  ///< N, increasing
    std::size_t replicates = 48;
    std::size_t window = 0;  ///< first size in the regime of the predictions
};

/// Half decades: two decades below the size at which the predicted KL is 1e-3 and every reward is
/// known to 0.1, then three decades from there.
SamplePlan sample_plan(const theory::TabularFacts& population, Profile profile);

/// N = 10^3 to 10^7, all of them in the window.
SamplePlan four_decades(std::size_t replicates);

struct Sample {
    theory::TabularFacts facts;
    double divergence;  ///< KL(target || pihat); NaN if the sample has no optimum
    double log_error;   ///< max |log target - log pihat|
    double pair_gap;    ///< max |log pi_DPO - log pi_RLHF|
};

/// [replicate] samples of size plan.size[k], solved: functions of (setting, seed, k, replicate).
std::vector<Sample> solve_samples(const TabularSetting& setting, const SamplePlan& plan,
                                  std::size_t k, const RowMatrix& target, std::uint64_t seed);

using SampleTable = std::vector<std::vector<Sample>>;  ///< [size][replicate]

/// Puts the errors of the window into `facts`, with the slopes they must have.
void watch_convergence(theory::TabularFacts& facts, const SamplePlan& plan,
                       const SampleTable& table);

/// The population of a setting and samples from it, as evidence for T10c and T10e.
theory::TabularFacts converging_facts(const TabularSetting& setting, const SamplePlan& plan,
                                      std::uint64_t seed);

/// Borrows the facts.
theory::Evidence evidence_of(const theory::TabularFacts& facts);

Study rlhf_study();
std::vector<Control> rlhf_controls();  // rlhf_controls.cpp

}  // namespace prefdyn
