#include "experiments/accuracy.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::Verdict;

/// Well separated classes, trained until every prompt is right and the bounds know it.
RunConfig learned(std::uint64_t seed) {
    RunConfig c;
    c.features.samples = 200;
    c.features.dimension = 4;
    c.features.distinguishability = 8.0;
    c.features.common_norm = 1.0;
    c.training.steps = 2000;
    c.training.spacing = Spacing::kLogarithmic;
    c.eta_kappa = 0.5;
    c.seed = seed;
    return c;
}

Verdict judge_run(const Claim& claim, const RunResult& run) {
    const Evidence evidence = run.evidence();
    return theory::judge(claim, std::span(&evidence, 1), true);
}

Verdict bound_strengthened(const Claim& claim, std::uint64_t seed) {
    return judge_run(theory::strengthened(claim, 0.9), run_synthetic(learned(seed)));
}

Verdict class_flipped(const Claim& claim, std::uint64_t seed) {
    const RunConfig c = learned(seed);
    Dataset trained = FeatureDistribution(feature_spec(c), seed).sample(seed);
    const auto told = theory::dataset_statistics(trained);
    for (Index i = 0; i < trained.samples(); ++i)
        if (trained.label[static_cast<std::size_t>(i)] < 0) trained.features.row(i) *= -1.0;
    RunResult run = run_dataset(c, trained);
    run.statistics = told;
    return judge_run(claim, run);
}

/// 199 prompts against one that is so large that it alone makes zbar: they are all learned wrong,
/// at a loss hardly above log 2.
Verdict one_giant_prompt(const Claim& claim, std::uint64_t seed) {
    Dataset data;
    data.name = "one giant prompt";
    data.features.resize(200, 1);
    for (Index i = 0; i < data.samples(); ++i) {
        data.label.push_back(i % 2 ? -1 : 1);
        data.features(i, 0) = i % 2 ? 1.0 : -1.0;
    }
    data.features(0, 0) = 1000.0;
    RunConfig c = learned(seed);
    c.training.steps = 20;
    RunResult run = run_dataset(c, data);
    run.facts.loss.value_at_zero = 1.0;
    return judge_run(claim, run);
}

}  // namespace

std::vector<Control> training_accuracy_controls() {
    const std::string stronger = "the bound is made 10 % stronger, all prompts learned";
    const std::string flipped =
        "the trainer sees the negative class's features with the wrong sign";
    return {
        {"T6a", "bound x 0.9", stronger, bound_strengthened},
        {"T6a", "class flipped", flipped, class_flipped},
        {"T6b", "bound x 0.9", stronger, bound_strengthened},
        {"T6b", "phi(0) = 1", "the loss of a prompt with margin 0 is taken for 1",
         one_giant_prompt},
        {"T6e", "bound x 0.9", stronger, bound_strengthened},
        {"T6e", "class flipped", flipped, class_flipped},
    };
}

}  // namespace prefdyn
