#include "experiments/studies/coverage/coverage.hpp"

#include "experiments/program/parallel.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

FeatureSpec with_tails(NoiseSpec noise, Index n) {
    FeatureSpec f = plain_features(n, 16, 1.0);
    f.noise = noise;
    return f;
}

struct CoverageSetting {
    std::string name;
    FeatureSpec features;
};

std::vector<CoverageSetting> coverage_settings(Profile profile) {
    FeatureSpec skewed = plain_features(50, 16, 1.0);
    skewed.p_plus = 0.8;
    skewed.common_norm = 3.0;
    skewed.common_angle = 45.0;
    FeatureSpec noisy = plain_features(50, 16, 2.0);
    noisy.label_noise = 0.2;
    FeatureSpec power = plain_features(50, 64, 1.0);
    power.covariance.spectrum = Spectrum::kPowerLaw;
    std::vector<CoverageSetting> out = {
        {"d = 1, n = 10", plain_features(10, 1, 1.0)},
        {"d = 16, n = 50", plain_features(50, 16, 1.0)},
        {"no signal, d = 256", plain_features(50, 256, 0.0)},
        {"power-law spectrum", power},
        {"imbalance, common mean", skewed},
        {"label noise 0.2", noisy},
        {"Laplace tails", with_tails({Tails::kGeneralizedNormal, 1.0, 5.0}, 50)},
        {"exponent 0.5 tails", with_tails({Tails::kGeneralizedNormal, 0.5, 5.0}, 50)},
        {"uniform", with_tails({Tails::kUniform, 1.0, 5.0}, 50)},
        {"Student t, nu = 3", with_tails({Tails::kStudentT, 1.0, 3.0}, 50)},
        {"Student t, nu = 1.5", with_tails({Tails::kStudentT, 1.0, 1.5}, 50)},
    };
    if (profile != Profile::kQuick) {
        out.push_back({"D = 4, d = 64, n = 200", plain_features(200, 64, 4.0)});
        out.push_back(
            {"Laplace tails, n = 400", with_tails({Tails::kGeneralizedNormal, 1.0, 5.0}, 400)});
    }
    return out;
}

StudyOutcome cover(const std::vector<theory::Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    const auto settings = coverage_settings(plan.profile);
    for (std::size_t k = 0; k < settings.size(); ++k) {
        const Replicates drawn = draw_replicates(settings[k].features, plan.replicates,
                                                 derive_seed(plan.seed, Substream::kCoverage, k));
        for (const double delta : {0.1, 0.01})
            for (const auto& claim : claims)
                out.cases.push_back({"coverage", claim.id, settings[k].name, delta,
                                     theory::judge(claim, drawn.evidence(delta))});
    }
    return out;
}

}  // namespace

std::vector<theory::Evidence> Replicates::evidence(double delta) const {
    std::vector<theory::Evidence> out(means.size());
    for (std::size_t r = 0; r < out.size(); ++r) {
        out[r].of = theory::ReplicateCase(&means[r]);
        out[r].population = population[r];
        out[r].delta = delta;
    }
    return out;
}

Replicates draw_replicates(const FeatureSpec& features, std::size_t replicates,
                           std::uint64_t seed) {
    const FeatureDistribution distribution(features, seed);
    const auto& moments = distribution.moments();
    // Labels are fixed but for flips, so trace and norm of S are the same for every replicate.
    const auto shared = theory::population_facts(moments, distribution.sample(seed));
    Replicates out{std::vector<theory::MeanStatistics>(replicates),
                   std::vector<theory::PopulationFacts>(replicates, shared)};
    parallel_for("coverage", replicates, [&](std::size_t r) {
        const Dataset data = distribution.sample(derive_seed(seed, Purpose::kReplicate, r));
        out.means[r] = theory::mean_statistics(data);
        out.population[r].mean_norm = theory::expected_zbar_norm(moments, data);
    });
    return out;
}

Study coverage_study() { return {"coverage", {"T5g", "T5m", "T5a"}, {}, cover}; }

}  // namespace prefdyn
