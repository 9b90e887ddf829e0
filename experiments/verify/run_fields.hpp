#pragma once
#include "experiments/verify/verify.hpp"

namespace prefdyn {

/// Fields of the axes run, record and quantile: what was run, and its trajectory; of claims that
/// are not built in the curves of both sides.
std::vector<Field> run_fields(const std::vector<theory::Claim>& claims);
void put_runs(ResultWriter& writer, const Verification& verification);

}  // namespace prefdyn
