// Shi, Zhou & Du, arXiv 2409.19605: how fast online DPO learns reward differences (theory.md T18).

#include <cmath>

#include "theory/facts.hpp"
#include "theory/samplers/sampler_facts.hpp"

namespace prefdyn::theory {

namespace {

constexpr double kDeviations = 6.0;  ///< of a mean over independent runs
constexpr double kFloor = 14.0;      ///< published: sqrt(E delta^2) / sigma at most
constexpr double kKnown = 0.25;      ///< what the mean square must be known to, relative

Origin samplers(std::string number, std::string relation) {
    return {"Shi, Zhou & Du, The Crucial Role of Samplers in Online Direct Preference Optimization",
            "arXiv 2409.19605, ICLR 2025", std::move(number), std::move(relation)};
}

Assumption of_run(std::string words, std::function<std::string(const SamplerFacts&)> unmet) {
    return of_facts<SamplerFacts>(std::move(words), "no online DPO was run", std::move(unmet));
}

Assumption drawn_by(PairSampler sampler) {
    return of_run(text("pairs are drawn by the sampler ", sampler_name(sampler)),
                  [sampler](const SamplerFacts& f) {
                      return f.world.sampler == sampler
                                 ? ""
                                 : text("pairs are drawn by ", sampler_name(f.world.sampler));
                  });
}

Assumption rewards_in_unit_interval() {
    return of_run("rewards lie in an interval of length 1", [](const SamplerFacts& f) {
        return f.world.range() <= 1.0 ? "" : text("rewards are ", f.world.range(), " apart");
    });
}

Assumption step_cancels() {
    return of_run("the step is Z / (2 A beta^2)", [](const SamplerFacts& f) {
        return f.world.step == 0.0
                   ? ""
                   : text("the step is ", f.world.step, ", not the one that cancels");
    });
}

Assumption gradients_are_exact() {
    return of_run("gradients are exact", [](const SamplerFacts& f) {
        return f.noise == 0.0 ? "" : text("gradients have noise ", f.noise);
    });
}

Assumption two_rewards() {
    return of_run("rewards take two values", [](const SamplerFacts& f) -> std::string {
        const double low = f.world.reward.minCoeff(), high = f.world.reward.maxCoeff();
        for (const double r : f.world.reward)
            if (r != low && r != high) return text("rewards ", low, ", ", r, ", ", high);
        return low < high ? "" : "all rewards are equal";
    });
}

std::vector<Assumption> exactly(PairSampler sampler) {
    return {drawn_by(sampler), rewards_in_unit_interval(), step_cancels(), gradients_are_exact(),
            of_run("training starts at the reference", [](const SamplerFacts& f) {
                return f.error.size() > 1 ? "" : "it starts near the optimum";
            })};
}

/// Every update whose bound is above what rounding hides.
std::vector<Comparison> along_updates(const SamplerFacts& f, Relation relation,
                                      const std::function<Ball(int)>& bound) {
    std::vector<Comparison> out;
    for (std::size_t t = 1; t < f.error.size(); ++t) {
        const Ball at = bound(static_cast<int>(t));
        if (at.value <= f.error[t].radius) break;
        out.push_back({static_cast<double>(t), static_cast<double>(t), f.error[t], at, relation});
    }
    return out;
}

std::function<std::vector<Comparison>(const Evidence&)> below_published(PairSampler sampler) {
    return [sampler](const Evidence& e) {
        return along_updates(e.get<SamplerFacts>(), Relation::kAtMost,
                             [sampler](int t) { return sampler_bound(sampler, t); });
    };
}

}  // namespace

Claim uniform_sampler() {
    return {"T18a",
            "uniform pairs: linear",
            "max |delta_T| <= 0.588^T, delta(a, b) = (r_a - r_b) - beta log(pi_a ref_b / (pi_b "
            "ref_a)), after T exact gradient steps of length Z / (2 A beta^2) from the reference",
            "theory.md T18; |delta'| <= 2 (1 - 4 least chord of sigma) |delta|",
            ClaimKind::kRigorous,
            Scope::kStudy,
            exactly(PairSampler::kUniform),
            below_published(PairSampler::kUniform),
            {},
            samplers({}, "the published rate; proof our own")};
}

Claim uniform_sampler_is_linear() {
    std::vector<Assumption> needs = exactly(PairSampler::kUniform);
    needs.push_back(two_rewards());
    return {"T18b",
            "uniform pairs: not faster",
            "max |delta_T| >= (1 - 4 (sigma(R) - 1/2) / R)^T R where rewards take two values, R "
            "apart",
            "theory.md T18; delta' = delta - 4 (sigma(R) - sigma(R - delta)) for every pair of the "
            "two values",
            ClaimKind::kRigorous,
            Scope::kStudy,
            std::move(needs),
            [](const Evidence& e) {
                const SamplerFacts& f = e.get<SamplerFacts>();
                return along_updates(f, Relation::kAtLeast,
                                     [&](int t) { return left_by_uniform(f.world.range(), t); });
            }};
}

namespace {

/// What Taylor's second order may take: ||(2 eta beta^2 / A^2) max |sigma''| / 2 sum_b
/// delta_ab^2||.
double beyond_linear(const SamplerFacts& f, const NearUpdate& near, double rate) {
    const double largest = 1.0 / (6.0 * std::sqrt(3.0));
    double square = 0.0;
    for (Index a = 0; a < near.apart.size(); ++a) {
        const double sum = (near.apart.array() - near.apart(a)).square().sum();
        square += sum * sum;
    }
    return 0.5 * rate * largest * std::sqrt(square) *
           (1.0 + gamma_of(8.0 * static_cast<double>(f.world.responses()) + 16.0));
}

std::vector<Comparison> left_near_optimum(const Evidence& e) {
    const SamplerFacts& f = e.get<SamplerFacts>();
    const auto A = static_cast<double>(f.world.responses());
    const double best = best_linear_rate(reward_curvature(f.world.reward));
    const double rounding = gamma_of(64.0 * A * A);
    std::vector<Comparison> out;
    for (std::size_t k = 0; k < f.near.size(); ++k) {
        const NearUpdate& near = f.near[k];
        const double rate = 2.0 * near.step * f.world.beta * f.world.beta / (A * A);
        const double apart = near.apart.norm();
        Ball square(0.0);
        for (const Ball& left : near.left) square = square + left * left;
        const Ball bound(best * apart - beyond_linear(f, near, rate),
                         rounding * (apart + f.world.reward.cwiseAbs().maxCoeff()));
        out.push_back({static_cast<double>(k),
                       near.step,
                       sqrt(square),
                       bound,
                       Relation::kAtLeast,
                       {.trivial = 0.0}});
    }
    return out;
}

}  // namespace

Claim no_step_makes_uniform_quadratic() {
    return {
        "T18f",
        "uniform pairs: no step helps",
        "near the optimum, along the error that a step shrinks least, one update from uniform "
        "pairs leaves ||e'|| >= (l_max - l_min) / (l_max + l_min) ||e|| - O(||e||^2), whatever "
        "the step; l the eigenvalues of sum sigma'(r_a - r_b) (e_a - e_b) (e_a - e_b)^T",
        "theory.md T18; max |1 - s l| over two numbers l is least where both are equal, and the "
        "second order is bounded by max |sigma''| / 2",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {drawn_by(PairSampler::kUniform), gradients_are_exact(),
         of_run("updates were made near the optimum",
                [](const SamplerFacts& f) { return f.near.empty() ? "there are none" : ""; })},
        left_near_optimum};
}

Claim mixed_by_reward() {
    return {"T18c",
            "Mix-R: quadratic",
            "max |delta_T| <= 0.5^(2^T - 1) where a pair's weight is 1 / (sigma(x) sigma(-x)), x "
            "= r_a - r_b",
            "theory.md T18; |delta'| <= (max |sigma''| / sigma'(1)) delta^2 = 0.490 delta^2",
            ClaimKind::kRigorous,
            Scope::kStudy,
            exactly(PairSampler::kMixReward),
            below_published(PairSampler::kMixReward),
            {},
            samplers({}, "the published rate; proof our own")};
}

Claim mixed_by_policy() {
    return {"T18d",
            "Mix-P: quadratic",
            "max |delta_T| <= 0.611^(2^T - 1) where a pair's weight is 1 / (sigma(x) sigma(-x)), "
            "x = beta log(pi_a ref_b / (pi_b ref_a))",
            "theory.md T18; |delta'| <= (max |sigma''| / sigma'(1 + |delta|)) delta^2",
            ClaimKind::kRigorous,
            Scope::kStudy,
            exactly(PairSampler::kMixPolicy),
            below_published(PairSampler::kMixPolicy),
            {},
            samplers({}, "the published rate; proof our own")};
}

Claim noise_of_samplers() {
    return {"T18e",
            "what noise leaves",
            "sqrt 2 sigma <= sqrt(E delta^2) <= 14 sigma after the linear term is cancelled, sigma "
            "the deviation of independent normal noise in every implicit reward of an update; the "
            "mean is known to 6 standard errors",
            "theory.md T18; the last update's noise is independent of all before",
            ClaimKind::kPrediction,
            Scope::kStudy,
            {of_run("gradients are noisy",
                    [](const SamplerFacts& f) { return f.noise > 0.0 ? "" : "there is no noise"; }),
             rewards_in_unit_interval(), step_cancels()},
            [](const Evidence& e) -> std::vector<Comparison> {
                const SamplerFacts& f = e.get<SamplerFacts>();
                const Ball mean(f.square, kDeviations * f.square_error),
                    variance = square(Ball(f.noise));
                const double t = static_cast<double>(f.error.size()) - 1.0;
                const Worth worth{.resolution = kKnown};
                return {{t, t, mean, Ball(kFloor * kFloor) * variance, Relation::kAtMost, worth},
                        {t, t, mean, Ball(2.0) * variance, Relation::kAtLeast, worth}};
            },
            {},
            samplers({}, "the upper side; what sigma is the deviation of is our reading")};
}

}  // namespace prefdyn::theory
