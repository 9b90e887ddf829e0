#pragma once
// Which pairs to compare, and what the best choice gains (theory.md T23).

#include "experiments/studies/study.hpp"
#include "theory/designs/design_facts.hpp"

namespace prefdyn {

/// Uniform pairs and the best design, `replicates` samples of N comparisons each solved by DPO; no
/// samples where N is 0.
theory::DesignFacts try_designs(const theory::TabularTask& task, std::int64_t samples,
                                std::size_t replicates, std::uint64_t seed);

Study designs_study();

}  // namespace prefdyn
