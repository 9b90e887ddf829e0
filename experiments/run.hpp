#pragma once
// The one place where a trained head meets the bounds.

#include <optional>

#include "experiments/run_config.hpp"
#include "theory/claim.hpp"

namespace prefdyn {

/// A finished run and all a claim may ask about it.
struct RunResult {
    RunConfig config;  ///< training.eta is resolved
    std::string id, name, suite;
    theory::DatasetStatistics statistics;
    theory::TrainingFacts facts;
    std::optional<theory::PopulationFacts> population;
    Trajectory trajectory;
    double kappa = 0.0;

    /// Borrows from this object.
    theory::Evidence evidence() const;
};

/// Failure probability a single run grants the population-based claims.
inline constexpr double kRunDelta = 1e-9;

/// Policy and loss of the config on `train`; no held-out rows.
PreferenceTask preference_task(const RunConfig& config, Dataset train);

/// Samples the configured distribution, trains, and collects the evidence. Throws InputError for a
/// config that cannot be run and Interrupted if asked to stop.
RunResult run_synthetic(const RunConfig& config);

/// The same on given features; the population is unknown. `config` supplies policy and training.
RunResult run_dataset(const RunConfig& config, const Dataset& train);

/// The same on a task whose reference head `config` does not determine: `head` names it in the run
/// id.
RunResult run_task(const RunConfig& config, PreferenceTask task, const std::string& head);

}  // namespace prefdyn
