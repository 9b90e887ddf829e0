#pragma once
// Which pairs online DPO compares, and how fast it then learns (theory.md T18).

#include "experiments/studies/study.hpp"
#include "theory/samplers/sampler_facts.hpp"

namespace prefdyn {

/// Exact gradients; the error after 0 to `updates` of them.
theory::SamplerFacts train_samplers(const OnlineDpo& world, int updates);

/// One update at each of several steps, between a quarter and twice the one that is best for
/// uniform pairs, from `distance` away along the error that the step shrinks least there.
theory::SamplerFacts nudge_samplers(const OnlineDpo& world, double distance);

/// `runs` independent runs with noise; run k depends on (seed, k) alone.
theory::SamplerFacts train_noisily(const OnlineDpo& world, int updates, double noise,
                                   std::size_t runs, std::uint64_t seed);

Study samplers_study();

}  // namespace prefdyn
