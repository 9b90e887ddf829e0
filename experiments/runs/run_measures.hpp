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

/// The step at which `value` first is at most `level`, between records linear; NaN if it never is.
double first_at_most(const std::vector<double>& step, const std::vector<double>& value,
                     double level);

/// Trajectories side by side, NaN behind the last record of each. Borrows them.
class RecordCurves {
  public:
    explicit RecordCurves(std::vector<const Trajectory*> runs);
    /// Records of the longest.
    std::size_t length() const { return length_; }
    /// (run, record)
    std::vector<double> of(const std::function<double(const Record&)>& get) const;
    /// (run, record, behaviour), NaN beyond the behaviours a run has.
    std::vector<double> of_behaviours(std::size_t count, double BehaviourMetrics::*value) const;

  private:
    std::vector<const Trajectory*> runs_;
    std::size_t length_ = 0;
};

}  // namespace prefdyn
