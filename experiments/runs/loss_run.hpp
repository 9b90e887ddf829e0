#pragma once
#include "experiments/runs/run_config.hpp"

namespace prefdyn {

/// `base` with the loss `name` at its typical parameters, on the reduced engine where that can
/// train it and on a dense head of 8 tokens else. A loss without a kappa gets an explicit eta;
/// flows stay short where their right-hand side jumps (hinge, aot).
RunConfig loss_run(RunConfig base, const std::string& name, Method method);

}  // namespace prefdyn
