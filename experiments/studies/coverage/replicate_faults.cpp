#include "experiments/studies/coverage/replicate_faults.hpp"

#include <boost/random/bernoulli_distribution.hpp>
#include <cmath>

#include "experiments/studies/coverage/coverage.hpp"
#include "sim/base/stream.hpp"

namespace prefdyn {

using theory::Claim;
using theory::Verdict;

namespace {

Verdict judge_replicates(const Claim& claim, const Replicates& drawn, double delta,
                         std::optional<double> constant = {}) {
    auto cases = drawn.evidence(delta);
    for (theory::Evidence& e : cases) e.constant = constant;
    return theory::judge(claim, cases, true);
}

FeatureSpec noise_only(Index d, Index n, NoiseSpec noise = {}) {
    FeatureSpec f = plain_features(n, d, 0.0);
    f.noise = noise;
    return f;
}

}  // namespace

Verdict strengthened_in_high_dimension(const Claim& claim, std::uint64_t seed) {
    return judge_replicates(theory::strengthened(claim, 0.9),
                            draw_replicates(noise_only(1000, 10), 1000, seed), 0.05);
}

/// ||zbar|| sqrt(n) is 7.97 +- 0.7; 0.8 of the bound is 8.4, 0.8 of one with the fluctuation twice
/// as large 10.3.
Verdict strengthened_in_middle_dimension(const Claim& claim, std::uint64_t seed) {
    return judge_replicates(theory::strengthened(claim, 0.8),
                            draw_replicates(noise_only(64, 10), 1000, seed), 0.05);
}

Verdict heavy_tails(const Claim& claim, std::uint64_t seed) {
    return judge_replicates(
        claim, draw_replicates(noise_only(1, 4, {Tails::kStudentT, 1.0, 2.1}), 50000, seed), 1e-4);
}

Verdict exponential_tails_presumed(const Claim& claim, std::uint64_t seed) {
    const NoiseSpec laplace{Tails::kGeneralizedNormal, 1.0, 5.0};
    Replicates drawn =
        draw_replicates(noise_only(1, 4, {Tails::kGeneralizedNormal, 0.25, 5.0}), 50000, seed);
    for (auto& population : drawn.population)
        population.bernstein_length = bernstein_scale(laplace) * std::sqrt(population.trace);
    return judge_replicates(claim, drawn, 1e-4);
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

/// Variance 1 and P(|z| = c) = 1.2 delta: c is 0.913 of Markov's bound.
Verdict three_atoms(const Claim& claim, std::uint64_t seed) {
    const double delta = 0.1, share = 1.2 * delta;
    theory::PopulationFacts facts;
    facts.trace = facts.norm = 1.0;
    facts.finite_covariance = true;
    Replicates drawn;
    drawn.population.assign(20000, facts);
    Stream stream(seed, Purpose::kReplicate);
    boost::random::bernoulli_distribution<double> outer(share);
    for (std::size_t r = 0; r < drawn.population.size(); ++r) {
        theory::MeanStatistics means;
        means.n = 1;
        means.zbar_norm = outer(stream) ? std::sqrt(1.0 / share) : 0.0;
        drawn.means.push_back(means);
    }
    return judge_replicates(theory::strengthened(claim, 0.9), drawn, delta);
}

/// (2.576 - 1) / sqrt(log 200) = 0.685 at delta = 0.01.
Verdict constant_too_small(const Claim& claim, std::uint64_t seed) {
    return judge_replicates(claim, draw_replicates(noise_only(1, 4), 20000, seed), 0.01, 0.55);
}

}  // namespace prefdyn
