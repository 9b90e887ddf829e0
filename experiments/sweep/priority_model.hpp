#pragma once
#include "experiments/sweep/model.hpp"

namespace prefdyn::sweep {

Experiment priority_experiment();

}  // namespace prefdyn::sweep
