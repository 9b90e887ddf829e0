#pragma once
// The tabular worlds of the study on DPO and RLHF, and its populations and samples as evidence.

#include "experiments/runs/suite.hpp"
#include "sim/tabular/tabular.hpp"
#include "theory/rlhf.hpp"

namespace prefdyn {

struct TabularSetting {
    std::string name;
    TabularWorld world;
    double beta = 0.5;
    Matrix basis = {};  ///< policy class theta = log pi_ref + B x; empty: all logits
};

/// Worlds that meet every assumption.
std::vector<TabularSetting> tabular_settings(Profile profile, std::uint64_t seed);

/// Worlds that each break one: a response never compared, a policy class that does not contain the
/// optimum, preferences that are not Bradley-Terry, a reference without full support.
std::vector<TabularSetting> broken_settings(std::uint64_t seed);
TabularSetting broken_setting(const std::string& name, std::uint64_t seed);

/// Two prompts whose logits move together and whose rewards agree: a class that is not full and yet
/// contains the optimum.
TabularSetting tied_realisable(std::uint64_t seed);

/// Three responses with rewards 1, 2, 0, a uniform reference, and the class pi ~ (e^theta,
/// e^-theta, 1) that holds no optimum; the pairs (1, 2), (2, 3), (3, 1) are compared in the ratio 1
/// : 1 : `third`.
TabularSetting misspecified(double third);

/// The population solved by DPO and by policy gradient.
theory::TabularFacts population_facts(const TabularSetting& setting);

/// A sample solved by DPO and by RLHF. The reward model starts from `start` (P, A), which matters
/// only where the fit is not unique; unsolved where an optimum is at infinity.
theory::TabularFacts sample_facts(const TabularSetting& setting, const Comparisons& data,
                                  const RowMatrix& start);

/// RLHF's optimum for the reward within the setting's policy class: closed form or policy gradient.
RowMatrix rlhf_optimum(const TabularSetting& setting, const RowMatrix& reward);

}  // namespace prefdyn
