#pragma once
// Claims held against training runs of transformers.

#include "experiments/finetune/run_file.hpp"
#include "experiments/verify/verify.hpp"

namespace prefdyn {

/// What decides which claims are judged, a part of a run's task.
std::string identity_of(const std::vector<theory::Claim>& claims);

/// Whether a claim that was judged is violated in a result file.
bool was_violated(const std::string& path);

/// A row of verdicts for every part, in the order of the result file.
Verification judge_parts(const std::vector<theory::Claim>& claims,
                         const std::vector<TrainedRun>& runs,
                         const std::vector<FinetunePlan>& plans);

/// The fields of what was judged; none where nothing was.
MoreFields fields_of(const Verification& verification);

}  // namespace prefdyn
