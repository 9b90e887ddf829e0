#pragma once
#include "experiments/verify/verify.hpp"

namespace prefdyn {

/// Fields of the axes run, record and quantile: what was run, and its trajectory.
std::vector<Field> run_fields();
void put_runs(ResultWriter& writer, const Verification& verification);

}  // namespace prefdyn
