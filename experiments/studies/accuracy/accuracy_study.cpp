#include <cmath>
#include <sstream>

#include "experiments/program/parallel.hpp"
#include "experiments/results/columns.hpp"
#include "experiments/studies/accuracy/accuracy.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;

RunConfig one_update(Index samples, Index dimension) {
    RunConfig c;
    c.features.samples = samples;
    c.features.dimension = dimension;
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

Index fresh_samples(Profile profile) {
    if (profile == Profile::kQuick) return 20000;
    return profile == Profile::kDefault ? 100000 : 400000;
}

FreshRun fresh_case(const FreshSetting& setting, std::size_t k, const VerifyPlan& plan) {
    RunConfig c = setting.config;
    c.features.distinguishability = kDistances[k % kDistances.size()];
    c.held_out = fresh_samples(plan.profile);
    c.device = plan.device;
    c.seed = derive_seed(plan.seed, Substream::kFreshAccuracy, k) >> 1;
    return run_fresh(c);
}

/// [setting][distance], flat.
std::vector<FreshRun> run_fresh_settings(const VerifyPlan& plan) {
    const auto settings = fresh_settings();
    std::vector<FreshRun> out(settings.size() * kDistances.size());
    parallel_for("accuracy, fresh data", out.size(), [&](std::size_t k) {
        out[k] = fresh_case(settings[k / kDistances.size()], k, plan);
    });
    return out;
}

void judge_fresh(const Claim& claim, const VerifyPlan& plan, StudyOutcome& out) {
    const auto settings = fresh_settings();
    const auto runs = run_fresh_settings(plan);
    std::vector<double> predicted, measured, tolerance;
    for (std::size_t s = 0; s < settings.size(); ++s) {
        std::vector<Evidence> cases;
        for (std::size_t k = 0; k < kDistances.size(); ++k) {
            cases.push_back(runs[s * kDistances.size() + k].evidence());
            const auto comparison = claim.compare(cases.back()).front();
            predicted.push_back(comparison.bound.value);
            measured.push_back(comparison.measured.value);
            tolerance.push_back(comparison.measured.radius);
        }
        out.cases.push_back(
            {"accuracy", claim.id, settings[s].name, std::nan(""), theory::judge(claim, cases)});
    }
    out.values.emplace_back("accuracy_setting",
                            gather(settings, [](const auto& setting) { return setting.name; }));
    out.values.emplace_back("accuracy_distance", kDistances);
    out.values.emplace_back("accuracy_predicted", predicted);
    out.values.emplace_back("accuracy_measured", measured);
    out.values.emplace_back("accuracy_tolerance", tolerance);
}

std::vector<LimitDesign> limit_designs(Profile profile) {
    const std::vector<Index> samples = {32, 64, 128, 256, 512};
    if (profile == Profile::kQuick) return {{{2.0, 1.0, 0.25}, {32, 128, 512}, 20, 10}};
    const std::size_t groups = profile == Profile::kDefault ? 40 : 160;
    return {{{1.0, 1.0, 0.25}, samples, groups, 10},
            {{2.0, 1.0, 0.25}, samples, groups, 10},
            {{2.0, 1.0, 1.0}, samples, groups, 10},
            {{4.0, 1.0, 1.0}, samples, groups, 10}};
}

std::string name_of(const theory::IsotropicLimit& limit) {
    std::ostringstream out;
    out << "limit: D = " << limit.distinguishability << ", d / n = " << limit.aspect;
    return out.str();
}

double mean(const std::vector<double>& x) {
    double sum = 0.0;
    for (const double value : x) sum += value;
    return sum / static_cast<double>(x.size());
}

void judge_limits(const Claim& claim, const VerifyPlan& plan, StudyOutcome& out) {
    const auto designs = limit_designs(plan.profile);
    std::vector<double> predicted, measured, error, fluctuation;
    for (std::size_t k = 0; k < designs.size(); ++k) {
        const LimitDesign& design = designs[k];
        const auto seed = derive_seed(plan.seed, Substream::kLimitingAccuracy, k);
        const auto accuracies = limit_accuracies(design, {}, seed);
        predicted.push_back(theory::limiting_accuracy(design.limit));
        const auto convergence = limit_convergence(design, accuracies, predicted.back());
        Evidence evidence;
        evidence.of = theory::ConvergenceCase(&convergence);
        out.cases.push_back({"accuracy", claim.id, name_of(design.limit), std::nan(""),
                             theory::judge(claim, std::span(&evidence, 1))});
        for (std::size_t s = 0; s < design.samples.size(); ++s) {
            measured.push_back(mean(accuracies[s]));
            error.push_back(theory::rms_error(convergence, s));
            fluctuation.push_back(theory::accuracy_fluctuation(design.limit, design.samples[s]));
        }
    }
    out.values.emplace_back("accuracy_limit",
                            gather(designs, [](const auto& d) { return name_of(d.limit); }));
    out.values.emplace_back("accuracy_samples", gather(designs.front().samples, [](Index n) {
                                return static_cast<std::int64_t>(n);
                            }));
    out.values.emplace_back("accuracy_limit_predicted", predicted);
    out.values.emplace_back("accuracy_limit_measured", measured);
    out.values.emplace_back("accuracy_limit_error", error);
    out.values.emplace_back("accuracy_limit_fluctuation", fluctuation);
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    for (const Claim& claim : claims)
        (claim.checks.cases == theory::StudyCases::kGrowingSizes ? judge_limits : judge_fresh)(
            claim, plan, out);
    return out;
}

std::vector<Field> fields() {
    const std::vector<std::string> fresh = {"accuracy_setting", "accuracy_distance"};
    const std::vector<std::string> limit = {"accuracy_limit", "accuracy_samples"};
    return {
        text_field("accuracy_setting", {"accuracy_setting"}, "setting of T6c"),
        real_field("accuracy_distance", {"accuracy_distance"}, "features", "D = ||mu_+ - mu_-||"),
        real_field("accuracy_predicted", fresh, "",
                   "accuracy on fresh data predicted from zbar, T6c"),
        real_field("accuracy_measured", fresh, "", "share of fresh samples with m > 0, one update"),
        real_field("accuracy_tolerance", fresh, "", "6 standard deviations + 6 / n of that share"),
        text_field("accuracy_limit", {"accuracy_limit"}, "setting of T6d"),
        integer_field("accuracy_samples", {"accuracy_samples"}, "samples", "training samples n"),
        real_field("accuracy_limit_predicted", {"accuracy_limit"}, "",
                   "limit of the accuracy, T6d"),
        real_field("accuracy_limit_measured", limit, "", "mean accuracy given zbar over datasets"),
        real_field("accuracy_limit_error", limit, "", "root mean square distance from the limit"),
        real_field("accuracy_limit_fluctuation", limit, "", "the same, predicted to first order"),
    };
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
    return {"accuracy", {"T6c", "T6d"}, fields(), run, {}, controls};
}

}  // namespace prefdyn
