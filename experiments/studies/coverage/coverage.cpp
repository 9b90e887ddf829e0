#include "experiments/studies/coverage/coverage.hpp"

#include <cmath>

#include "experiments/program/parallel.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

FeatureSpec with_tails(NoiseSpec noise, Index n) {
    FeatureSpec f = plain_features(n, 16, 1.0);
    f.noise = noise;
    return f;
}

using CoverageSettings = std::vector<std::pair<std::string, LawMaker>>;

CoverageSettings coverage_settings(Profile profile) {
    FeatureSpec skewed = plain_features(50, 16, 1.0);
    skewed.p_plus = 0.8;
    skewed.common_norm = 3.0;
    skewed.common_angle = 45.0;
    FeatureSpec noisy = plain_features(50, 16, 2.0);
    noisy.label_noise = 0.2;
    FeatureSpec power = plain_features(50, 64, 1.0);
    power.covariance.spectrum = Spectrum::kPowerLaw;
    std::vector<std::pair<std::string, FeatureSpec>> all = {
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
        all.push_back({"D = 4, d = 64, n = 200", plain_features(200, 64, 4.0)});
        all.push_back(
            {"Laplace tails, n = 400", with_tails({Tails::kGeneralizedNormal, 1.0, 5.0}, 400)});
    }
    CoverageSettings out;
    for (const auto& [name, features] : all) out.emplace_back(name, laws_of(features));
    return out;
}

StudyOutcome cover(const std::vector<theory::Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    const auto settings =
        plan.population ? laws_of_population(plan) : coverage_settings(plan.profile);
    for (std::size_t k = 0; k < settings.size(); ++k) {
        const auto seed = derive_seed(plan.seed, Substream::kCoverage, k);
        const Replicates drawn = draw_replicates(settings[k].second(seed), plan.replicates, seed);
        for (const double delta : {0.1, 0.01})
            for (const auto& claim : claims)
                out.cases.push_back({"coverage", claim.id, settings[k].first, delta,
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

DatasetLaw law_of(const FeatureSpec& features, std::uint64_t seed) {
    const auto law = std::make_shared<const FeatureDistribution>(features, seed);
    return {[law](std::uint64_t s) { return law->sample(s); },
            [law](const Dataset& d) { return theory::population_facts(law->moments(), d); },
            [law](const Dataset& d) { return theory::expected_zbar_norm(law->moments(), d); },
            std::isfinite(fourth_moment(features.noise))};
}

DatasetLaw law_of(std::shared_ptr<const Population> population, Index n) {
    const auto facts = theory::population_facts(*population, n);
    return {[population, n](std::uint64_t s) { return population->sample(n, s); },
            [facts](const Dataset&) { return facts; },
            [facts](const Dataset&) { return facts.mean_norm; }, true};
}

LawMaker laws_of(const FeatureSpec& features) {
    return [features](std::uint64_t seed) { return law_of(features, seed); };
}

std::vector<std::pair<std::string, LawMaker>> laws_of_population(const VerifyPlan& plan) {
    std::vector<std::pair<std::string, LawMaker>> out;
    for (const Index few : {10, 100}) {
        const Index n = std::max(few, plan.population->least_samples(1));
        out.emplace_back(
            plan.population->name() + ", n = " + std::to_string(n),
            [population = plan.population, n](std::uint64_t) { return law_of(population, n); });
    }
    if (out[0].first == out[1].first) out.pop_back();
    return out;
}

Replicates draw_replicates(const FeatureSpec& features, std::size_t replicates,
                           std::uint64_t seed) {
    return draw_replicates(law_of(features, seed), replicates, seed);
}

Replicates draw_replicates(const DatasetLaw& law, std::size_t replicates, std::uint64_t seed) {
    const auto shared = law.facts(law.sample(seed));
    Replicates out{std::vector<theory::MeanStatistics>(replicates),
                   std::vector<theory::PopulationFacts>(replicates, shared)};
    parallel_for("coverage", replicates, [&](std::size_t r) {
        const Dataset data = law.sample(derive_seed(seed, Purpose::kReplicate, r));
        out.means[r] = theory::mean_statistics(data);
        out.population[r].mean_norm = law.mean_norm(data);
    });
    return out;
}

Study coverage_study() {
    Study out{"coverage", {"T5g", "T5b", "T5m", "T5a"}, {}, cover};
    out.takes_population = true;
    return out;
}

}  // namespace prefdyn
