#include "experiments/study.hpp"

#include <algorithm>

#include "experiments/accuracy.hpp"
#include "experiments/coverage.hpp"
#include "experiments/dynamics.hpp"
#include "experiments/losses_study.hpp"
#include "experiments/misalignment.hpp"
#include "experiments/noise_floor_study.hpp"
#include "experiments/priority.hpp"
#include "experiments/probabilities.hpp"
#include "experiments/rlhf.hpp"

namespace prefdyn {

const std::vector<Study>& studies() {
    static const std::vector<Study> all = {
        coverage_study(), noise_floor_study(), accuracy_study(),
        dynamics_study(), priority_study(),    misalignment_study(),
        rlhf_study(),     losses_study(),      probabilities_study(),
    };
    return all;
}

std::vector<theory::Claim> claims_of(const Study& study,
                                     const std::vector<theory::Claim>& selected) {
    std::vector<theory::Claim> out;
    for (const auto& claim : selected)
        if (std::find(study.claims.begin(), study.claims.end(), claim.id) != study.claims.end())
            out.push_back(claim);
    return out;
}

}  // namespace prefdyn
