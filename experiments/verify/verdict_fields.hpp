#pragma once
#include "experiments/verify/verify.hpp"

namespace prefdyn {

/// What was claimed, and what came of it: of the axis claim, and of `runs` and claim.
std::vector<Field> claim_fields(const std::string& runs);
void put_claim_verdicts(ResultWriter& writer, const Verification& verification);

/// The same on the axis run, with the axes case and control.
std::vector<Field> verdict_fields();
/// After put_runs: the verdicts have an axis of runs.
void put_verdicts(ResultWriter& writer, const Verification& verification);

}  // namespace prefdyn
