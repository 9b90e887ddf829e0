#include <algorithm>

#include "experiments/studies/priority/priority.hpp"

namespace prefdyn {

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

PrioritySetting unbalanced() {
    PrioritySetting s{"unbalanced", equiangular_mixture(2, 2.0, 2.0, 60.0), 2.0, 60.0, {}};
    s.mixture.samples = 1000;
    s.mixture.behaviours[1].p_plus = 0.9;
    s.mixture.common_norm = 3.0;
    return s;
}

namespace {

void swap_behaviours(MixtureRun& run) {
    std::swap(run.behaviours.margin_slope(0), run.behaviours.margin_slope(1));
    std::swap(run.behaviours.loss_slope(0), run.behaviours.loss_slope(1));
    for (Record& r : run.trajectory.records) std::swap(r.behaviours[0], r.behaviours[1]);
}

void ignore_weights(MixtureRun& run) {
    run.behaviours.weight.setConstant(0.5);
    run.behaviours.mixture = run.behaviours.mean.transpose() * run.behaviours.weight;
    theory::fill_priority(run.behaviours);
}

}  // namespace

std::vector<Control> priority_controls() {
    std::vector<Control> out;
    const auto add = [&](const std::vector<std::string>& claims, const std::string& name,
                         const std::string& fault, PrioritySetting (*setting)(),
                         void (*spoil)(MixtureRun&), double strength = 1.0) {
        for (const std::string& claim : claims)
            out.push_back({claim, name, fault, [=](const theory::Claim& c, std::uint64_t seed) {
                               MixtureRun run = run_mixture(setting(), seed);
                               spoil(run);
                               return judge_run(theory::strengthened(c, strength), run);
                           }});
    };
    add(
        {"T8a", "T8b", "T8c", "T8d", "T8e", "T8f"}, "bound x 0.9",
        "the bound is made 10 % stronger", strong_and_weak, [](MixtureRun&) {}, 0.9);
    add({"T8a", "T8b", "T8c", "T8d", "T8e", "T8f"}, "behaviours swapped",
        "the two behaviours are taken for each other", strong_and_weak, swap_behaviours);
    add({"T8a", "T8c", "T8d", "T8e"}, "weights ignored",
        "weights 0.8 and 0.2 are taken for one half each: the wrong mixture", unequal_weights,
        ignore_weights);
    add({"T8b"}, "kappa understated", "kappa is taken half as large as it is", strong_and_weak,
        [](MixtureRun& run) { run.statistics.lambda_max *= 0.5; });
    add({"T8b", "T8e", "T8f"}, "eta halved",
        "the trainer's learning rate is halved, the clock's is not", strong_and_weak,
        [](MixtureRun& run) {
            for (Record& r : run.trajectory.records) r.time *= 2.0;
        });
    add({"T8d"}, "phi'(0) = -1", "the slope of the loss is claimed twice as large as it is",
        strong_and_weak, [](MixtureRun& run) { run.facts.loss.slope_at_zero = -1.0; });
    add({"T8c"}, "class means for b",
        "half the class-mean difference is taken for b, p_plus = 0.9 and a common mean of length 3",
        unbalanced, [](MixtureRun& run) { run.behaviours.mean = 0.5 * run.behaviours.difference; });
    std::ranges::stable_sort(out, {}, &Control::claim);
    return out;
}

}  // namespace prefdyn
