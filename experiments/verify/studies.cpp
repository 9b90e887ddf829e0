#include "experiments/verify/studies.hpp"

#include "experiments/studies/accuracy/accuracy.hpp"
#include "experiments/studies/answers/answers_study.hpp"
#include "experiments/studies/clusters/clusters_study.hpp"
#include "experiments/studies/coverage/coverage.hpp"
#include "experiments/studies/coverage/noise_floor_study.hpp"
#include "experiments/studies/designs/designs_study.hpp"
#include "experiments/studies/dynamics/dynamics.hpp"
#include "experiments/studies/grpo/grpo_study.hpp"
#include "experiments/studies/losses/losses_study.hpp"
#include "experiments/studies/minibatch/minibatch_study.hpp"
#include "experiments/studies/misalignment/misalignment.hpp"
#include "experiments/studies/noisy/noisy_study.hpp"
#include "experiments/studies/priority/priority.hpp"
#include "experiments/studies/probabilities/probabilities.hpp"
#include "experiments/studies/rlhf/rlhf.hpp"
#include "experiments/studies/samplers/samplers_study.hpp"
#include "experiments/studies/steps/steps_study.hpp"
#include "experiments/studies/unseen/unseen_study.hpp"

namespace prefdyn {

const std::vector<Study>& studies() {
    static const std::vector<Study> all = {
        coverage_study(),      noise_floor_study(),  accuracy_study(), dynamics_study(),
        priority_study(),      misalignment_study(), rlhf_study(),     losses_study(),
        probabilities_study(), clusters_study(),     answers_study(),  samplers_study(),
        grpo_study(),          steps_study(),        designs_study(),  unseen_study(),
        noisy_study(),         minibatch_study(),
    };
    return all;
}

}  // namespace prefdyn
