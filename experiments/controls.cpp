#include "experiments/controls.hpp"

#include <algorithm>

#include "experiments/coverage.hpp"
#include "experiments/parallel.hpp"
#include "experiments/run.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::Verdict;

/// Early times at high resolution, where the bounds are tight; n_+ = n_-.
RunConfig early_times(std::uint64_t seed) {
    RunConfig c;
    c.features.samples = 200;
    c.features.dimension = 16;
    c.features.distinguishability = 2.0;
    c.training.steps = 200;
    c.training.spacing = Spacing::kLogarithmic;
    c.eta_kappa = 0.005;
    c.seed = seed;
    return c;
}

/// Unequal classes far from the origin: the gradient lies along the top eigenvector of M and the
/// optimum is at a finite margin, so curvature acts at full strength.
RunConfig stiff(std::uint64_t seed) {
    RunConfig c = early_times(seed);
    c.features.distinguishability = 0.1;
    c.features.common_norm = 10.0;
    c.features.p_plus = 0.7;
    c.training.spacing = Spacing::kLinear;
    c.training.records = 200;
    c.eta_kappa = 0.1;
    return c;
}

Verdict judge_run(const Claim& claim, const RunResult& run) {
    const Evidence evidence = run.evidence();
    return theory::judge(claim, std::span(&evidence, 1), true);
}

Verdict bound_strengthened(const Claim& claim, std::uint64_t seed) {
    return judge_run(theory::strengthened(claim, 0.9), run_synthetic(early_times(seed)));
}

/// The trainer runs with factor * eta, the clock with eta.
Verdict learning_rate_off(const Claim& claim, std::uint64_t seed, double factor) {
    RunConfig c = early_times(seed);
    c.eta_kappa *= factor;
    RunResult run = run_synthetic(c);
    for (Record& record : run.trajectory.records) record.time /= factor;
    run.facts.eta /= factor;
    return judge_run(claim, run);
}

Verdict beta_off(const Claim& claim, std::uint64_t seed) {
    RunResult run = run_synthetic(early_times(seed));
    run.facts.beta /= 1.1;
    return judge_run(claim, run);
}

Verdict negative_class_flipped(const Claim& claim, std::uint64_t seed) {
    RunConfig c = early_times(seed);
    c.features.common_norm = 1.0;
    const FeatureDistribution distribution(feature_spec(c), c.seed);
    Dataset told = distribution.sample(c.seed), trained = told;
    const Index first_negative = told.count(+1);
    trained.features.bottomRows(told.samples() - first_negative) *= -1.0;
    RunResult run = run_dataset(c, trained);
    run.statistics = theory::dataset_statistics(told);
    return judge_run(claim, run);
}

Verdict step_too_large(const Claim& claim, std::uint64_t seed) {
    RunConfig c = stiff(seed);
    c.eta_kappa = 3.0;
    return judge_run(claim, run_synthetic(c));
}

Verdict mean_eigenvalue_for_largest(const Claim& claim, std::uint64_t seed) {
    RunResult run = run_synthetic(stiff(seed));
    run.statistics.lambda_max =
        run.statistics.mean_square / static_cast<double>(run.config.features.dimension);
    return judge_run(claim, run);
}

Verdict population_mean_halved(const Claim& claim, std::uint64_t seed) {
    RunConfig c = early_times(seed);
    c.features.distinguishability = 8.0;
    RunResult run = run_synthetic(c);
    run.population->mean_norm *= 0.5;
    return judge_run(claim, run);
}

Verdict judge_replicates(const Claim& claim, const Replicates& drawn, double delta,
                         std::optional<double> constant = {}) {
    auto cases = drawn.evidence(delta);
    for (Evidence& e : cases) e.constant = constant;
    return theory::judge(claim, cases, true);
}

FeatureSpec noise_only(Index d, Index n, NoiseSpec noise = {}) {
    FeatureSpec f;
    f.distinguishability = 0.0;
    f.dimension = d;
    f.samples = n;
    f.noise = noise;
    return f;
}

Verdict strengthened_in_high_dimension(const Claim& claim, std::uint64_t seed) {
    return judge_replicates(theory::strengthened(claim, 0.9),
                            draw_replicates(noise_only(1000, 10), 1000, seed), 0.05);
}

Verdict heavy_tails(const Claim& claim, std::uint64_t seed) {
    return judge_replicates(
        claim, draw_replicates(noise_only(1, 4, {Tails::kStudentT, 1.0, 2.1}), 50000, seed), 1e-4);
}

/// Each independent sample is counted 25 times: n is 25 times too large.
Verdict repeated_samples(const Claim& claim, std::uint64_t seed) {
    Replicates drawn = draw_replicates(noise_only(16, 10), 1000, seed);
    for (auto& means : drawn.means) means.n *= 25;
    return judge_replicates(claim, drawn, 0.1);
}

/// The constant that covers Gaussian features, held against Student's t taken for alpha = 2.
Verdict gaussian_constant(const Claim& claim, std::uint64_t seed) {
    const double delta = 1e-3;
    const std::size_t replicates = 20000;
    const Replicates gaussian = draw_replicates(noise_only(1, 4), replicates, seed);
    const double constant = judge_replicates(claim, gaussian, delta).fitted;
    Replicates heavy =
        draw_replicates(noise_only(1, 4, {Tails::kStudentT, 1.0, 2.1}), replicates, seed);
    for (auto& population : heavy.population) population.subexponential_exponent = 2.0;
    return judge_replicates(claim, heavy, delta, constant);
}

Control scaled(const std::string& claim) {
    return {claim, "bound x 0.9", "the bound is made 10 % stronger", bound_strengthened};
}

Control wrong_rate(const std::string& claim, double factor) {
    const bool doubled = factor > 1.0;
    return {claim, doubled ? "eta doubled" : "eta halved",
            doubled ? "the trainer's learning rate is doubled, the clock's is not"
                    : "the trainer's learning rate is halved, the clock's is not",
            [factor](const Claim& c, std::uint64_t seed) {
                return learning_rate_off(c, seed, factor);
            }};
}

Control wrong_kappa(const std::string& claim) {
    return {claim, "kappa understated",
            "kappa uses the mean eigenvalue of M instead of the largest",
            mean_eigenvalue_for_largest};
}

}  // namespace

const std::vector<Control>& controls() {
    static const std::vector<Control> all = {
        scaled("T1"),
        {"T1", "beta off by 10 %", "the trainer's beta is 1.1 times the one claimed", beta_off},
        {"T1", "class flipped",
         "the trainer sees the negative class's features with the wrong sign",
         negative_class_flipped},
        scaled("T2a"),
        {"T2a", "eta = 3 / kappa", "the step size exceeds 2 / kappa", step_too_large},
        scaled("T2b"),
        wrong_rate("T2b", 2.0),
        scaled("T3a"),
        wrong_kappa("T3a"),
        scaled("T3b"),
        wrong_rate("T3b", 0.5),
        wrong_kappa("T3c"),
        wrong_rate("T3c", 2.0),
        scaled("T4a"),
        wrong_rate("T4a", 0.5),
        scaled("T4b"),
        wrong_rate("T4b", 2.0),
        {"T5g", "bound x 0.9", "the bound is made 10 % stronger, d = 1000",
         strengthened_in_high_dimension},
        {"T5g", "heavy tails", "Student's t with nu = 2.1 is taken for Gaussian", heavy_tails},
        {"T5g", "samples repeated", "every sample is counted 25 times", repeated_samples},
        {"T5m", "samples repeated", "every sample is counted 25 times", repeated_samples},
        {"T5a", "Gaussian constant",
         "Student's t is held to the constant fitted on Gaussian features", gaussian_constant},
        {"T5p", "population mean halved",
         "the class means are claimed half as far apart as they are", population_mean_halved},
    };
    return all;
}

std::vector<ControlResult> run_controls(const std::vector<Claim>& claims, std::uint64_t seed) {
    std::vector<Control> all = controls();
    for (const Study& study : studies())
        all.insert(all.end(), study.controls.begin(), study.controls.end());
    std::vector<ControlResult> out;
    Progress progress("controls", all.size());
    for (const Control& control : all) {
        progress.advance();
        const auto claim = std::find_if(claims.begin(), claims.end(),
                                        [&](const Claim& c) { return c.id == control.claim; });
        if (claim == claims.end()) continue;
        out.push_back({control.claim, control.name, control.fault, control.run(*claim, seed)});
    }
    return out;
}

}  // namespace prefdyn
