#include <cmath>

#include "experiments/studies/accuracy/accuracy.hpp"

namespace prefdyn {

RunConfig learned(std::uint64_t seed) {
    RunConfig c;
    c.features = plain_features(200, 4, 8.0);
    c.features.common_norm = 1.0;
    c.training.steps = 2000;
    c.training.spacing = Spacing::kLogarithmic;
    c.eta_kappa = 0.5;
    c.seed = seed;
    return c;
}

RunConfig short_run(std::uint64_t seed) {
    RunConfig c = learned(seed);
    c.training.steps = 20;
    return c;
}

RunConfig to_kappa_time(double end, std::uint64_t seed) {
    RunConfig c = learned(seed);
    c.training.spacing = Spacing::kLinear;
    c.eta_kappa = 0.1;
    c.training.steps = std::llround(end / c.eta_kappa);
    return c;
}

Dataset equal_prompts(Index flipped) {
    Dataset data;
    data.name = "equal prompts";
    data.features.resize(200, 1);
    for (Index i = 0; i < data.samples(); ++i) {
        data.label.push_back(i % 2 ? -1 : 1);
        data.features(i, 0) = (i % 2 ? -1.0 : 1.0) * (i < flipped ? -1.0 : 1.0);
    }
    return data;
}

Dataset giant_prompt() {
    Dataset data = equal_prompts(200);
    data.name = "one giant prompt";
    data.features(0, 0) = 1000.0;
    return data;
}

namespace {

using theory::Claim;
using theory::Verdict;

Verdict bound_strengthened(const Claim& claim, std::uint64_t seed) {
    return judge_run(theory::strengthened(claim, 0.9), run_synthetic(learned(seed)));
}

Verdict class_flipped_in_training(const Claim& claim, std::uint64_t seed) {
    const RunConfig c = learned(seed);
    const Dataset told = FeatureDistribution(feature_spec(c), seed).sample(seed);
    RunResult run = run_dataset(c, negative_flipped(told));
    run.statistics = theory::dataset_statistics(told);
    return judge_run(claim, run);
}

Verdict one_giant_prompt(const Claim& claim, std::uint64_t seed) {
    RunResult run = run_dataset(short_run(seed), giant_prompt());
    run.facts.loss.value_at_zero = 1.0;
    return judge_run(claim, run);
}

/// Every cosine is 1: T6a promises all prompts until kappa (t - eta) = 2.
Verdict unlearned_late(const Claim& claim, std::uint64_t seed) {
    RunResult run = run_dataset(to_kappa_time(2.0, seed), equal_prompts(0));
    for (Record& r : run.trajectory.records)
        if (r.time * run.kappa > 1.2) r.train.rewards_accuracies = 0.0;
    return judge_run(claim, run);
}

/// At kappa t = 5 T6e promises 0.674 of equal prompts, no more than 0.55 if its comparator costs
/// twice as much or moves half as far. 0.62 are learned.
Verdict labels_flipped(const Claim& claim, std::uint64_t seed) {
    RunResult run = run_dataset(to_kappa_time(5.0, seed), equal_prompts(76));
    run.statistics = theory::dataset_statistics(equal_prompts(0));
    return judge_run(claim, run);
}

/// A reference with preferences of its own, and what was kept of every row.
RunResult beside_reference(std::uint64_t seed) {
    RunConfig c = learned(seed);
    c.features.samples = 400;
    c.features.distinguishability = 1.0;
    c.vocabulary = 7;
    c.reference_scale = 2.0;
    c.training.steps = 10;
    c.eta_kappa = 0.1;
    c.training.keep = {.margins = true, .log_probabilities = true};
    return run_synthetic(c);
}

Verdict beta_of_reference_doubled(const Claim& claim, std::uint64_t seed) {
    RunResult run = beside_reference(seed);
    run.facts.beta *= 2.0;
    return judge_run(claim, run);
}

Verdict reference_forgotten(const Claim& claim, std::uint64_t seed) {
    RunResult run = beside_reference(seed);
    Record& start = run.trajectory.records.front();
    start.logp_rejected = start.logp_chosen;
    return judge_run(claim, run);
}

}  // namespace

std::vector<Control> training_accuracy_controls() {
    const std::string stronger = "the bound is made 10 % stronger, all prompts learned";
    const std::string flipped =
        "the trainer sees the negative class's features with the wrong sign";
    return {
        {"T6a", "bound x 0.9", stronger, bound_strengthened},
        {"T6a", "class flipped", flipped, class_flipped_in_training},
        {"T6a", "unlearned late", "every prompt is wrong from kappa t = 1.2 on", unlearned_late},
        {"T15", "beta of the reference doubled", "the claim is told twice the trainer's beta",
         beta_of_reference_doubled},
        {"T15", "reference forgotten", "the reference is said to prefer neither answer",
         reference_forgotten},
        {"T6f", "bound x 0.9", stronger, bound_strengthened},
        {"T6f", "class flipped", flipped, class_flipped_in_training},
        {"T6f", "unlearned late", "every prompt is wrong from kappa t = 1.2 on", unlearned_late},
        {"T6b", "bound x 0.9", stronger, bound_strengthened},
        {"T6b", "phi(0) = 1", "the loss of a prompt with margin 0 is taken for 1",
         one_giant_prompt},
        {"T6e", "bound x 0.9", stronger, bound_strengthened},
        {"T6e", "class flipped", flipped, class_flipped_in_training},
        {"T6e", "labels flipped", "the trainer sees 38 % of the labels flipped, the claim does not",
         labels_flipped},
    };
}

}  // namespace prefdyn
