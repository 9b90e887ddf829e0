#pragma once
// A policy and a reward model, asked about answers that training never named (theory.md T16).

#include "experiments/studies/study.hpp"
#include "theory/unseen/unseen_facts.hpp"

namespace prefdyn {

struct UnseenPlan {
    double beta = 0.1;
    int policy_steps = 400;
    int reward_records = 8;  ///< at steps 1, 8, 64, ...
    double eta_kappa = 0.1;  ///< of the reward model
    bool tied = false;       ///< a paraphrase's row of the head moves with that of its answer
};

theory::UnseenFacts ask_unseen(const UnseenSpec& spec, const UnseenPlan& plan, std::uint64_t seed);

Study unseen_study();

}  // namespace prefdyn
