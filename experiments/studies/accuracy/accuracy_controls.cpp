#include "experiments/studies/accuracy/accuracy.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Verdict;

/// `plant` changes the config or spoils the run.
template <class Plant>
Control planted(const std::string& name, const std::string& fault, Plant plant) {
    return {"T6c", name, fault, [plant](const Claim& claim, std::uint64_t seed) {
                RunConfig c = fresh_settings().back().config;
                c.features.distinguishability = 2.0;
                c.held_out = 20000;
                c.seed = seed;
                if constexpr (std::is_invocable_v<Plant, RunConfig&>) plant(c);
                FreshRun run = run_fresh(c);
                if constexpr (std::is_invocable_v<Plant, FreshRun&>) plant(run);
                return judge_run(claim, run);
            }};
}

/// Correlated features, trained on: v turns away from zbar.
void trained_on(RunConfig& c) {
    c.features.samples = 2000;
    c.training.steps = 400;
}

void heavy_tails(RunConfig& c) {
    c.features = plain_features(50, 1, 1.0);
    c.features.noise = {Tails::kStudentT, 1.0, 2.1};
    c.spectrum_minus = MinusSpectrum::kSame;
}

const LimitDesign kControlDesign = {{2.0, 1.0, 0.25}, {32, 128, 512}, 5, 4};

Verdict judge_limit(const Claim& claim, const FeatureSpec& base, double expected,
                    std::uint64_t seed) {
    const auto accuracies = limit_accuracies(kControlDesign, base, seed);
    const auto convergence = limit_convergence(kControlDesign, accuracies, expected);
    return judge_case(claim, theory::ConvergenceCase(&convergence), true);
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
        planted(
            "one covariance", "the positive class's covariance is taken for both",
            [](FreshRun& run) { run.fresh.parts[1].covariance = run.fresh.parts[0].covariance; }),
        planted("class flipped", "the negative class's mean has the wrong sign",
                [](FreshRun& run) { run.fresh.parts[1].mean *= -1.0; }),
        planted("400 updates", "v is no longer parallel to zbar", trained_on),
        planted("heavy tails", "Student's t with nu = 2.1 is taken for Gaussian", heavy_tails),
        {"T6d", "noise forgotten", "the square root is left out: Phi(D / 2 sigma)",
         noise_forgotten},
        {"T6d", "correlated features",
         "a power-law covariance, the mean difference along its weakest direction",
         correlated_features},
    };
}

}  // namespace prefdyn
