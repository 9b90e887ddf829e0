#pragma once
// What flipped labels cost on two von Mises-Fisher clusters (theory.md T21).

#include "experiments/studies/study.hpp"
#include "theory/noisy/noisy_facts.hpp"

namespace prefdyn {

/// A head trained by the gradient flow until the theorem's end; `counted` fresh samples.
theory::NoisyFacts train_noisy(const theory::NoisyTask& task, Index counted, std::uint64_t seed);

Study noisy_study();

}  // namespace prefdyn
