#include "experiments/replicate_faults.hpp"

#include "experiments/coverage.hpp"

namespace prefdyn {

using theory::Claim;
using theory::Evidence;
using theory::Verdict;

namespace {

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

}  // namespace

Verdict strengthened_in_high_dimension(const Claim& claim, std::uint64_t seed) {
    return judge_replicates(theory::strengthened(claim, 0.9),
                            draw_replicates(noise_only(1000, 10), 1000, seed), 0.05);
}

Verdict heavy_tails(const Claim& claim, std::uint64_t seed) {
    return judge_replicates(
        claim, draw_replicates(noise_only(1, 4, {Tails::kStudentT, 1.0, 2.1}), 50000, seed), 1e-4);
}

Verdict repeated_samples(const Claim& claim, std::uint64_t seed) {
    Replicates drawn = draw_replicates(noise_only(16, 10), 1000, seed);
    for (auto& means : drawn.means) means.n *= 25;
    return judge_replicates(claim, drawn, 0.1);
}

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

}  // namespace prefdyn
