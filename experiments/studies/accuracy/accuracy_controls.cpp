#include "experiments/studies/accuracy/accuracy.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::Verdict;

RunConfig control_config(std::uint64_t seed) {
    RunConfig c = fresh_settings().back().config;
    c.features.distinguishability = 2.0;
    c.held_out = 20000;
    c.seed = seed;
    return c;
}

Verdict judge_fresh_run(const Claim& claim, const FreshRun& run) {
    const Evidence evidence = run.evidence();
    return theory::judge(claim, std::span(&evidence, 1), true);
}

Verdict one_covariance(const Claim& claim, std::uint64_t seed) {
    FreshRun run = run_fresh(control_config(seed));
    run.fresh.moments.minus = run.fresh.moments.plus;
    return judge_fresh_run(claim, run);
}

Verdict class_flipped(const Claim& claim, std::uint64_t seed) {
    FreshRun run = run_fresh(control_config(seed));
    run.fresh.moments.mean_minus *= -1.0;
    return judge_fresh_run(claim, run);
}

/// Correlated features, trained on: v turns away from zbar.
Verdict trained_on(const Claim& claim, std::uint64_t seed) {
    RunConfig c = control_config(seed);
    c.features.samples = 2000;
    c.training.steps = 400;
    return judge_fresh_run(claim, run_fresh(c));
}

Verdict heavy_tails(const Claim& claim, std::uint64_t seed) {
    RunConfig c = control_config(seed);
    c.features = FeatureSpec{};
    c.features.samples = 50;
    c.features.dimension = 1;
    c.spectrum_minus = MinusSpectrum::kSame;
    c.features.noise = {Tails::kStudentT, 1.0, 2.1};
    return judge_fresh_run(claim, run_fresh(c));
}

const LimitDesign kControlDesign = {{2.0, 1.0, 0.25}, {32, 128, 512}, 5, 4};

Verdict judge_limit(const Claim& claim, const FeatureSpec& base, double expected,
                    std::uint64_t seed) {
    const auto accuracies = limit_accuracies(kControlDesign, base, seed);
    const auto convergence = limit_convergence(kControlDesign, accuracies, expected);
    Evidence evidence;
    evidence.of = theory::ConvergenceCase(&convergence);
    return theory::judge(claim, std::span(&evidence, 1), true);
}

Verdict noise_forgotten(const Claim& claim, std::uint64_t seed) {
    const auto& limit = kControlDesign.limit;
    return judge_limit(
        claim, {}, theory::limiting_accuracy({limit.distinguishability, limit.sigma, 0.0}), seed);
}

Verdict correlated_features(const Claim& claim, std::uint64_t seed) {
    FeatureSpec base;
    base.covariance.spectrum = Spectrum::kPowerLaw;
    base.direction = Direction::kBottom;
    return judge_limit(claim, base, theory::limiting_accuracy(kControlDesign.limit), seed);
}

}  // namespace

std::vector<Control> accuracy_controls() {
    return {
        {"T6c", "one covariance", "the positive class's covariance is taken for both",
         one_covariance},
        {"T6c", "class flipped", "the negative class's mean has the wrong sign", class_flipped},
        {"T6c", "400 updates", "v is no longer parallel to zbar", trained_on},
        {"T6c", "heavy tails", "Student's t with nu = 2.1 is taken for Gaussian", heavy_tails},
        {"T6d", "noise forgotten", "the square root is left out: Phi(D / 2 sigma)",
         noise_forgotten},
        {"T6d", "correlated features",
         "a power-law covariance, the mean difference along its weakest direction",
         correlated_features},
    };
}

}  // namespace prefdyn
