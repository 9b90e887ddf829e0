#pragma once
#include "experiments/verify/verify.hpp"

namespace prefdyn {

/// Fields of the axes claim, case and control: what was claimed, where, and what came of it.
std::vector<Field> verdict_fields();
/// After put_runs: the verdicts have an axis of runs.
void put_verdicts(ResultWriter& writer, const Verification& verification);

}  // namespace prefdyn
