#pragma once
// GRPO round by round: what success tends to, and when it tends to nothing (theory.md T22).

#include "experiments/studies/study.hpp"
#include "sim/tabular/tabular_grpo.hpp"
#include "theory/grpo/recursion_facts.hpp"

namespace prefdyn {

/// `rounds` rounds from the reference, as many from `nudge` above the least fixed point, two from
/// the low point of the two-cycle where there is one. The claims are told `told` for beta.
theory::RecursionFacts play_grpo(const GrpoWorld& world, int rounds, double nudge, double told);
theory::RecursionFacts play_grpo(const GrpoWorld& world, int rounds, double nudge);

Study grpo_study();

}  // namespace prefdyn
