#pragma once
#include "sim/head/engine.hpp"
#include "sim/head/trajectory.hpp"

namespace prefdyn {

/// All entries NaN: what a split without samples measures.
SplitMetrics no_metrics();

/// At kQuantileLevels, of n > 0 numbers, with linear interpolation (type 7).
std::array<double, kQuantileLevels.size()> quantiles(Vector values);

/// Means, quantiles and shares over the n > 0 prompts of
/// `responses`. Mean rewards are NaN if the engine gives none.
SplitMetrics summarise(const Responses& responses, const PreferenceLoss& loss);

/// The same by behaviour; `behaviour` (n) holds 0 .. K - 1, each at least once. Empty for empty.
std::vector<BehaviourMetrics> summarise_behaviours(const Responses& responses,
                                                   const PreferenceLoss& loss,
                                                   const std::vector<int>& behaviour);

}  // namespace prefdyn
