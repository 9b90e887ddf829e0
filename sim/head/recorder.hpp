#pragma once
#include "sim/head/engine.hpp"
#include "sim/head/error_model.hpp"
#include "sim/head/trajectory.hpp"

namespace prefdyn {

/// Measures an engine at chosen points and keeps the trajectory. The first record must be at t = 0.
class Recorder {
  public:
    Recorder(const PolicyEngine& engine, const PreferenceLoss& loss, const Kept& keep)
        : engine_(engine), loss_(loss), errors_(engine, loss), keep_(keep) {}

    /// False if theta, a loss, a mean margin, the rate or the head's change is no longer finite;
    /// nothing is recorded then.
    bool record(const Vector& theta, double step, double time, double epoch, const Passage& since);

    /// ErrorModel's, of this run.
    double rounding_at_start() const { return errors_.rounding_at_start(); }

    /// Of the last record; 0 before the first.
    double last_step() const {
        return trajectory_.records.empty() ? 0.0 : trajectory_.records.back().step;
    }

    Trajectory finish(StopReason stop, Vector theta);

  private:
    const PolicyEngine& engine_;
    const PreferenceLoss& loss_;
    ErrorModel errors_;
    Kept keep_;
    Vector start_, initial_direction_;
    Trajectory trajectory_;
};

}  // namespace prefdyn
