#pragma once
// What a finite step of gradient descent trains on (theory.md T24).

#include "experiments/studies/study.hpp"
#include "sim/tabular/tabular_dpo.hpp"
#include "theory/steps/step_facts.hpp"

namespace prefdyn {

/// `halvings` + 1 steps from T / `fewest` on; the penalty is of the pair that is preferred most.
theory::StepFacts measure_steps(const DpoProblem& problem, double duration, Index fewest,
                                int halvings);

Study steps_study();

}  // namespace prefdyn
