#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <sstream>

#include "experiments/program/parallel.hpp"
#include "experiments/studies/accuracy/accuracy.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;

RunConfig one_update(Index samples, Index dimension) {
    RunConfig c;
    c.features = plain_features(samples, dimension, 1.0);
    c.features.direction = Direction::kRandom;
    c.training.steps = 1;
    c.training.records = 2;
    return c;
}

void give_own_covariances(RunConfig& c) {
    c.features.covariance.spectrum = Spectrum::kCondition;
    c.spectrum_minus = MinusSpectrum::kIsotropic;
    c.minus.sigma = 2.0;
}

const std::vector<double> kDistances = {0.5, 1.0, 2.0, 4.0};

/// One update on few samples of the plan's population, and on more.
std::vector<FreshSetting> settings_of_population(const VerifyPlan& plan) {
    std::vector<FreshSetting> out;
    for (const Index few : {20, 200}) {
        RunConfig c = one_update(std::max(few, plan.population->least_samples(1)), 1);
        c.population = plan.population->known_name();
        out.push_back({plan.population->name() + ", n = " + std::to_string(c.features.samples), c});
    }
    return out;
}

std::vector<FreshSetting> settings_of(const VerifyPlan& plan) {
    return plan.population ? settings_of_population(plan) : fresh_settings();
}

/// k counts settings and, within them, distances; of a population, datasets.
FreshRun fresh_case(const FreshSetting& setting, std::size_t k, const VerifyPlan& plan) {
    RunConfig c = setting.config;
    if (!plan.population) c.features.distinguishability = kDistances[k % kDistances.size()];
    c.held_out = plan.profile == Profile::kQuick     ? 20000
                 : plan.profile == Profile::kDefault ? 100000
                                                     : 400000;
    c.device = plan.device;
    c.seed = derive_seed(plan.seed, Substream::kFreshAccuracy, k) >> 1;
    return run_fresh(c);
}

/// [setting][distance], flat.
std::vector<FreshRun> run_fresh_settings(const VerifyPlan& plan) {
    const auto settings = settings_of(plan);
    std::vector<FreshRun> out(settings.size() * kDistances.size());
    parallel_for("accuracy, fresh data", out.size(), [&](std::size_t k) {
        out[k] = fresh_case(settings[k / kDistances.size()], k, plan);
    });
    return out;
}

using Comparisons = std::vector<theory::Comparison>;

std::vector<Filled<Comparisons>> fresh_fields() {
    const std::vector<std::string> axes = {"accuracy_setting", "accuracy_distance"};
    return {
        {"accuracy_setting", "", "setting of T6c",
         [](const Comparisons&) { return gather(fresh_settings(), &FreshSetting::name); }},
        {"accuracy_distance", "features", "D = ||mu_+ - mu_-||",
         [](const Comparisons&) { return kDistances; }},
        {"accuracy_predicted", axes, "", "accuracy on fresh data predicted from zbar, T6c",
         [](const theory::Comparison& c) { return c.bound.value; }},
        {"accuracy_measured", axes, "", "share of fresh samples with m > 0, one update",
         [](const theory::Comparison& c) { return c.measured.value; }},
        {"accuracy_tolerance", axes, "", "6 standard deviations + 6 / n of that share",
         [](const theory::Comparison& c) { return c.measured.radius; }},
    };
}

void judge_fresh(const Claim& claim, const VerifyPlan& plan, StudyOutcome& out) {
    const auto settings = settings_of(plan);
    const auto runs = run_fresh_settings(plan);
    Comparisons comparisons;
    for (std::size_t s = 0; s < settings.size(); ++s) {
        std::vector<Evidence> cases;
        for (std::size_t k = 0; k < kDistances.size(); ++k) {
            cases.push_back(runs[s * kDistances.size() + k].evidence());
            comparisons.push_back(claim.compare(cases.back()).front());
        }
        out.judge("accuracy", claim, settings[s].name, cases);
    }
    if (!plan.population) out.put(fresh_fields(), comparisons);
}

/// Of a population that T6d is about: the same D and sigma in every dimension.
std::optional<theory::IsotropicLimit> isotropic_limit(const Population& population) {
    const auto& c = population.components();
    const double tolerance = 1e-9 * population.distinguishability();
    const auto isotropic = [&](const Covariance& sigma) {
        const double v = c[0].covariance.norm();
        return v > 0.0 && (sigma.eigenvalues.array() - v).abs().maxCoeff() <= 1e-9 * v;
    };
    if (c.size() != 2 || std::fabs(c[0].weight - 0.5) > 1e-9 || !(tolerance > 0.0) ||
        (c[0].mean + c[1].mean).norm() > tolerance || !isotropic(c[0].covariance) ||
        !isotropic(c[1].covariance))
        return {};
    return theory::IsotropicLimit{population.distinguishability(),
                                  std::sqrt(c[0].covariance.norm()), 0.25};
}

std::vector<LimitDesign> limit_designs(const VerifyPlan& plan) {
    const Profile profile = plan.profile;
    const std::vector<Index> samples = {32, 64, 128, 256, 512};
    const std::size_t groups = profile == Profile::kDefault ? 40 : 160;
    if (plan.population) {
        const auto limit = isotropic_limit(*plan.population);
        if (!limit) return {};
        if (profile == Profile::kQuick) return {{*limit, {32, 128, 512}, 20, 10}};
        return {{*limit, samples, groups, 10}};
    }
    if (profile == Profile::kQuick) return {{{2.0, 1.0, 0.25}, {32, 128, 512}, 20, 10}};
    return {{{1.0, 1.0, 0.25}, samples, groups, 10},
            {{2.0, 1.0, 0.25}, samples, groups, 10},
            {{2.0, 1.0, 1.0}, samples, groups, 10},
            {{4.0, 1.0, 1.0}, samples, groups, 10}};
}

struct LimitOutcome {
    LimitDesign design;
    double predicted;
    std::vector<double> measured, error, fluctuation;  ///< (size)
};

std::string name_of(const LimitOutcome& outcome) {
    const theory::IsotropicLimit& limit = outcome.design.limit;
    std::ostringstream out;
    out << "limit: D = " << limit.distinguishability << ", d / n = " << limit.aspect;
    return out.str();
}

using LimitOutcomes = std::vector<LimitOutcome>;

std::vector<Filled<LimitOutcomes>> limit_fields() {
    const std::vector<std::string> limit = {"accuracy_limit"},
                                   axes = {"accuracy_limit", "accuracy_samples"};
    return {
        {"accuracy_limit", "", "setting of T6d", name_of},
        {"accuracy_samples", "samples", "training samples n",
         [](const LimitOutcomes& all) { return all.front().design.samples; }},
        {"accuracy_limit_predicted", limit, "", "limit of the accuracy, T6d",
         &LimitOutcome::predicted},
        {"accuracy_limit_measured", axes, "", "mean accuracy given zbar over datasets",
         &LimitOutcome::measured},
        {"accuracy_limit_error", axes, "", "root mean square distance from the limit",
         &LimitOutcome::error},
        {"accuracy_limit_fluctuation", axes, "", "the same, predicted to first order",
         &LimitOutcome::fluctuation},
    };
}

void judge_limits(const Claim& claim, const VerifyPlan& plan, StudyOutcome& out) {
    LimitOutcomes outcomes;
    const auto designs = limit_designs(plan);
    if (designs.empty())
        return out.pass_over("accuracy", claim, plan.population->name(),
                             "it is not two isotropic classes of equal weight, equal covariance "
                             "and opposite means, which there are in every dimension");
    for (const LimitDesign& design : designs) {
        const auto seed = derive_seed(plan.seed, Substream::kLimitingAccuracy, outcomes.size());
        const auto accuracies = limit_accuracies(design, {}, seed);
        LimitOutcome o{design, theory::limiting_accuracy(design.limit), {}, {}, {}};
        const auto convergence = limit_convergence(design, accuracies, o.predicted);
        for (std::size_t s = 0; s < design.samples.size(); ++s) {
            const auto& row = accuracies[s];
            o.measured.push_back(std::accumulate(row.begin(), row.end(), 0.0) /
                                 static_cast<double>(row.size()));
            o.error.push_back(theory::rms_error(convergence, s));
            o.fluctuation.push_back(theory::accuracy_fluctuation(design.limit, design.samples[s]));
        }
        Evidence evidence;
        evidence.of = theory::ConvergenceCase(&convergence);
        out.judge("accuracy", claim, name_of(o), evidence);
        outcomes.push_back(std::move(o));
    }
    out.put(limit_fields(), outcomes);
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    for (const Claim& claim : claims)
        (claim.checks.cases == theory::StudyCases::kGrowingSizes ? judge_limits : judge_fresh)(
            claim, plan, out);
    return out;
}

}  // namespace

std::vector<FreshSetting> fresh_settings() {
    RunConfig imbalance = one_update(200, 16);
    imbalance.features.p_plus = 0.9;
    RunConfig own = one_update(200, 16);
    give_own_covariances(own);
    RunConfig common = one_update(200, 16);
    common.features.common_norm = 3.0;
    common.features.common_angle = 60.0;
    RunConfig all = common;
    all.features.p_plus = 0.7;
    give_own_covariances(all);
    RunConfig power = one_update(200, 16);
    power.features.covariance.spectrum = Spectrum::kPowerLaw;
    power.features.direction = Direction::kBottom;
    return {{"balanced, isotropic", one_update(200, 16)},
            {"d = 1", one_update(50, 1)},
            {"d = 64 > n = 40", one_update(40, 64)},
            {"power law, weakest direction", power},
            {"imbalance 0.9", imbalance},
            {"own covariances", own},
            {"common mean", common},
            {"imbalance, common mean, own covariances", all}};
}

Study accuracy_study() {
    std::vector<Control> controls = training_accuracy_controls();
    for (auto& control : accuracy_controls()) controls.push_back(std::move(control));
    Study out{"accuracy", {"T6c", "T6d"}, fields_of(fresh_fields(), limit_fields()), run,
              {},         controls};
    out.takes_population = true;
    return out;
}

}  // namespace prefdyn
