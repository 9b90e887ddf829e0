#pragma once
// Which pairs online DPO compares, and how fast it then learns (theory.md T18).

#include "experiments/studies/study.hpp"
#include "theory/samplers/sampler_facts.hpp"

namespace prefdyn {

/// Exact gradients; the error after 0 to `updates` of them.
theory::SamplerFacts train_samplers(const OnlineDpo& world, int updates);

/// `runs` independent runs with noise; run k depends on (seed, k) alone.
theory::SamplerFacts train_noisily(const OnlineDpo& world, int updates, double noise,
                                   std::size_t runs, std::uint64_t seed);

Study samplers_study();

}  // namespace prefdyn
