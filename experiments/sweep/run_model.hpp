#pragma once
#include "experiments/sweep/model.hpp"

namespace prefdyn::sweep {

Experiment run_experiment();

}  // namespace prefdyn::sweep
