#pragma once
// Accuracy on fresh Gaussian data after one update (theory.md T6c): exact given the sample mean,
// and its limit in high dimension.

#include "experiments/runs/run.hpp"
#include "experiments/studies/study.hpp"
#include "theory/convergence.hpp"
#include "theory/fresh_accuracy.hpp"

namespace prefdyn {

/// A head after `config.training.steps` updates and what it gets right of `config.held_out` fresh
/// samples. Evidence borrows from it.
struct FreshRun {
    RunResult run;
    theory::FreshAccuracy fresh;
    theory::Evidence evidence() const;
};
FreshRun run_fresh(const RunConfig& config);

/// n and d = aspect * n grow together.
struct LimitDesign {
    theory::IsotropicLimit limit;
    std::vector<Index> samples;    ///< n, even
    std::size_t groups, datasets;  ///< replicates, and datasets whose rms error each of them is
};

/// Accuracy given zbar at every size, against `expected`. [size][group * datasets + dataset]
std::vector<std::vector<double>> limit_accuracies(const LimitDesign& design,
                                                  const FeatureSpec& base, std::uint64_t seed);

theory::Convergence limit_convergence(const LimitDesign& design,
                                      const std::vector<std::vector<double>>& accuracies,
                                      double expected);

/// Settings of T6c, one update each; the last has everything at once.
struct FreshSetting {
    std::string name;
    RunConfig config;
};
std::vector<FreshSetting> fresh_settings();

/// T6c and T6d.
Study accuracy_study();
std::vector<Control> accuracy_controls();
/// Of the claims about single runs, T6a, T6b and T6e; and what their faults are planted in.
std::vector<Control> training_accuracy_controls();
/// Well separated classes, trained until every prompt is right and the bounds know it.
RunConfig learned(std::uint64_t seed);
RunConfig short_run(std::uint64_t seed);
RunConfig to_kappa_time(double end, std::uint64_t seed);
/// 199 prompts against one that is so large that it alone makes zbar: they are all learned wrong,
/// at a loss hardly above log 2.
Dataset giant_prompt();
/// 200 prompts z = 1 in one dimension, the first `flipped` of them with the wrong label.
Dataset equal_prompts(Index flipped);

}  // namespace prefdyn
