#pragma once
// The one place where a trained head meets the bounds.

#include <memory>
#include <optional>

#include "experiments/runs/run_config.hpp"
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
    bool features_given = true;  ///< not drawn from the config's distribution
    Dataset data;                ///< what it was trained on, if Kept::rows asked for it

    /// Borrows from this object.
    theory::Evidence evidence() const;
};

/// Failure probability a single run grants the population-based claims.
inline constexpr double kRunDelta = 1e-9;

/// Policy and loss of the config on `train`; no held-out rows.
PreferenceTask preference_task(const RunConfig& config, Dataset train);

/// A run whose data are there and whose head is not trained yet: several can be trained together.
class PendingRun {
  public:
    /// `head` names the task's reference head in the run id if `config` does not determine it.
    PendingRun(const RunConfig& config, PreferenceTask task, const std::string& head);
    /// The features were drawn from the config's distribution, which has these facts.
    void set_population(theory::PopulationFacts facts) {
        result_.population = std::move(facts);
        result_.features_given = false;
    }
    /// Borrows from this object.
    TrainJob job() const;
    /// Throws Interrupted if training was, InputError if not even the start could be recorded.
    RunResult finish(Trajectory trajectory);

  private:
    std::unique_ptr<const PreferenceTask> task_;
    std::unique_ptr<PolicyEngine> engine_;
    RunResult result_;
};

/// Trains what is pending, a run of any kind, by itself.
template <class Pending>
auto train_alone(Pending run) {
    const TrainJob job = run.job();
    return run.finish(train(job.engine, job.loss, job.spec, job.seed));
}

/// The rows that the config draws to train on.
Dataset training_rows(const RunConfig& config);

/// Samples the configured distribution. Throws InputError for a config that cannot be run.
PendingRun begin_synthetic(const RunConfig& config);

/// Samples the configured distribution, trains, and collects the evidence. Throws InputError for a
/// config that cannot be run and Interrupted if asked to stop.
RunResult run_synthetic(const RunConfig& config);

/// The same on given features; the population is unknown. `config` supplies policy and training.
RunResult run_dataset(const RunConfig& config, const Dataset& train);

/// The same on a task whose reference head `config` may not determine.
RunResult run_task(const RunConfig& config, PreferenceTask task, const std::string& head);

/// The claim held against one piece of evidence.
inline theory::Verdict judge_case(const theory::Claim& claim, const theory::Evidence& evidence,
                                  bool presume_assumptions = false) {
    return theory::judge(claim, std::span(&evidence, 1), presume_assumptions);
}

/// The same of what borrows its parts and was not trained.
inline theory::Verdict judge_case(const theory::Claim& claim, const theory::Case& of,
                                  bool presume_assumptions = false) {
    theory::Evidence evidence;
    evidence.of = of;
    return judge_case(claim, evidence, presume_assumptions);
}

/// The claim held against a run of any kind, its assumptions presumed: what a negative control
/// does.
template <class Run>
theory::Verdict judge_run(const theory::Claim& claim, const Run& run, bool presume = true) {
    return judge_case(claim, run.evidence(), presume);
}

}  // namespace prefdyn
