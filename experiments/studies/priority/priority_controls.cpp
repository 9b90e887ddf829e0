#include "experiments/studies/priority/priority.hpp"
#include "theory/rates.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Verdict;

/// A strong behaviour and a weak one at right angles with little noise: bbar lies along the top
/// eigenvector of M, so early times feel the full curvature.
PrioritySetting strong_and_weak() {
    PrioritySetting s{"strong and weak", equiangular_mixture(2, 8.0, 8.0, 90.0), 8.0, 90.0, {}};
    s.mixture.samples = 400;
    for (BehaviourSpec& b : s.mixture.behaviours) b.covariance.sigma = 0.2;
    s.training.eta_kappa = 0.01;
    s.training.steps = 100;
    return s;
}

PrioritySetting unequal_weights() {
    PrioritySetting s = strong_and_weak();
    s.mixture.behaviours[0].weight = 0.8;
    s.mixture.behaviours[1].weight = 0.2;
    return s;
}

Verdict judge_run(const Claim& claim, const MixtureRun& run) {
    const theory::Evidence evidence = run.evidence();
    return theory::judge(claim, std::span(&evidence, 1), true);
}

Verdict strengthened(const Claim& claim, std::uint64_t seed) {
    return judge_run(theory::strengthened(claim, 0.9), run_mixture(strong_and_weak(), seed));
}

Verdict swapped(const Claim& claim, std::uint64_t seed) {
    MixtureRun run = run_mixture(strong_and_weak(), seed);
    std::swap(run.behaviours.margin_slope(0), run.behaviours.margin_slope(1));
    std::swap(run.behaviours.loss_slope(0), run.behaviours.loss_slope(1));
    for (Record& r : run.trajectory.records) std::swap(r.behaviours[0], r.behaviours[1]);
    return judge_run(claim, run);
}

Verdict weights_ignored(const Claim& claim, std::uint64_t seed) {
    MixtureRun run = run_mixture(unequal_weights(), seed);
    run.behaviours.weight.setConstant(0.5);
    run.behaviours.mixture = run.behaviours.mean.transpose() * run.behaviours.weight;
    theory::fill_priority(run.behaviours);
    return judge_run(claim, run);
}

Verdict kappa_understated(const Claim& claim, std::uint64_t seed) {
    MixtureRun run = run_mixture(strong_and_weak(), seed);
    run.statistics.lambda_max *= 0.5;
    return judge_run(claim, run);
}

/// The trainer runs with half the learning rate, the clock with the full one.
Verdict eta_halved(const Claim& claim, std::uint64_t seed) {
    MixtureRun run = run_mixture(strong_and_weak(), seed);
    for (Record& r : run.trajectory.records) r.time *= 2.0;
    return judge_run(claim, run);
}

Verdict phi_slope_wrong(const Claim& claim, std::uint64_t seed) {
    MixtureRun run = run_mixture(strong_and_weak(), seed);
    run.facts.loss.slope_at_zero = -1.0;
    return judge_run(claim, run);
}

/// Unbalanced classes with a common mean: the behaviour with the smaller difference of class means
/// has the longer b.
Verdict differences_for_means(const Claim& claim, std::uint64_t seed) {
    PrioritySetting s{"unbalanced", equiangular_mixture(2, 2.0, 2.0, 60.0), 2.0, 60.0, {}};
    s.mixture.samples = 1000;
    s.mixture.behaviours[1].p_plus = 0.9;
    s.mixture.common_norm = 3.0;
    MixtureRun run = run_mixture(s, seed);
    run.behaviours.mean = 0.5 * run.behaviours.difference;
    return judge_run(claim, run);
}

Control scaled(const std::string& claim) {
    return {claim, "bound x 0.9", "the bound is made 10 % stronger", strengthened};
}
Control mixed_up(const std::string& claim) {
    return {claim, "behaviours swapped", "the two behaviours are taken for each other", swapped};
}
Control unweighted(const std::string& claim) {
    return {claim, "weights ignored",
            "weights 0.8 and 0.2 are taken for one half each: the wrong mixture", weights_ignored};
}

}  // namespace

std::vector<Control> priority_controls() {
    return {
        scaled("T8a"),
        mixed_up("T8a"),
        unweighted("T8a"),
        scaled("T8b"),
        mixed_up("T8b"),
        {"T8b", "kappa understated", "kappa is taken half as large as it is", kappa_understated},
        {"T8b", "eta halved", "the trainer's learning rate is halved, the clock's is not",
         eta_halved},
        scaled("T8c"),
        mixed_up("T8c"),
        unweighted("T8c"),
        {"T8c", "class means for b",
         "half the class-mean difference is taken for b, p_plus = 0.9 and a common mean of length "
         "3",
         differences_for_means},
        scaled("T8d"),
        mixed_up("T8d"),
        unweighted("T8d"),
        {"T8d", "phi'(0) = -1", "the slope of the loss is claimed twice as large as it is",
         phi_slope_wrong},
    };
}

}  // namespace prefdyn
