#pragma once
// How a run of a head gives what is recorded of it.

#include "experiments/results/measures.hpp"
#include "experiments/runs/run.hpp"

namespace prefdyn {

/// One number a run.
const std::vector<Measured<RunResult>>& run_measures();

/// One a recorded point: the head's, those of the training set, those of the held-out set
/// ("eval_...").
const std::vector<Measured<Record>>& record_measures();

/// A curve of every behaviour of a mixture: its name in the file, and what it is.
struct BehaviourCurve {
    const char *name, *measure;
    double BehaviourMetrics::*value;
};

}  // namespace prefdyn
