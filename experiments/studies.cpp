#include "experiments/studies.hpp"

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

}  // namespace prefdyn
