#include "experiments/sweep/point_row.hpp"

#include "sim/base/numerics.hpp"

namespace prefdyn::sweep {

void append_verdict(Row& row, const theory::Claim& claim, const theory::Evidence& evidence) {
    const theory::Verdict v = theory::judge(claim, std::span(&evidence, 1));
    const bool judged = v.status != theory::Status::kNotApplicable;
    row.push_back(static_cast<double>(v.status));
    row.push_back(judged ? v.slack : kNan);
    row.push_back(judged ? v.tightness.max : kNan);
}

}  // namespace prefdyn::sweep
