#pragma once
#include "sim/head/trainer.hpp"

namespace prefdyn {

/// dtheta/dt = -grad L from the reference head to t = eta * steps, by Dormand-Prince 5(4) with
/// error control; every record time is hit exactly, nothing is interpolated. "step" in the records
/// is t / eta.
Trajectory integrate_flow(const PolicyEngine& engine, const PreferenceLoss& loss,
                          const TrainSpec& spec);

}  // namespace prefdyn
