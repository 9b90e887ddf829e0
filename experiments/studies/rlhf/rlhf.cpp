#include "experiments/studies/rlhf/rlhf.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "experiments/program/parallel.hpp"
#include "sim/base/numerics.hpp"
#include "sim/base/substream.hpp"
#include "sim/tabular/tabular_dpo.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::StudyCases;
using theory::TabularFacts;

/// A setting, solved: population, gradient descent, samples.
struct Solved {
    TabularSetting setting;
    TabularFacts population;
    RowMatrix target;  ///< RLHF's optimum for the true reward, in the setting's policy class
    RowMatrix descended;
    SamplePlan plan;
    SampleTable samples;
};

Evidence evidence_of(const TabularFacts& facts) {
    Evidence e;
    e.of = theory::TabularCase(&facts);
    e.training.beta = facts.beta;
    return e;
}

SamplePlan broken_plan(Profile profile) {
    SamplePlan out;
    out.size = {1000, 10000, 100000, 1000000, 10000000};
    out.replicates = profile == Profile::kQuick ? 4 : 16;
    return out;
}

std::vector<Solved> solve(std::vector<TabularSetting> settings, const VerifyPlan& plan,
                          bool broken) {
    std::vector<Solved> out(settings.size());
    parallel_for("tabular worlds", settings.size(), [&](std::size_t i) {
        Solved& s = out[i];
        s.setting = std::move(settings[i]);
        s.population = population_facts(s.setting);
        s.target = rlhf_optimum(s.setting, s.setting.world.reward);
        s.plan = broken ? broken_plan(plan.profile) : sample_plan(s.population, plan.profile);
        s.samples.resize(s.plan.size.size());
        if (!broken)
            s.descended = descend_dpo({population(s.setting.world), log_reference(s.setting.world),
                                       s.setting.beta},
                                      1e-14, 20000)
                              .log_policy;
    });
    if (out.empty()) return out;
    const std::size_t sizes = out.front().plan.size.size();
    parallel_for("tabular samples", out.size() * sizes, [&](std::size_t job) {
        Solved& s = out[job / sizes];
        const auto seed =
            derive_seed(plan.seed, broken ? Substream::kBrokenSamples : Substream::kTabularSamples,
                        job / sizes);
        s.samples[job % sizes] = solve_samples(s.setting, s.plan, job % sizes, s.target, seed);
    });
    for (Solved& s : out) watch_convergence(s.population, s.plan, s.samples);
    return out;
}

void add_case(StudyOutcome& out, const Claim& claim, const std::string& setting,
              const std::vector<Evidence>& evidence) {
    if (!evidence.empty())
        out.cases.push_back({"rlhf", claim.id, setting, kNan, theory::judge(claim, evidence)});
}

/// Samples with an optimum are held to the claim; those without must be refused by it.
void judge_samples(StudyOutcome& out, const Claim& claim, const Solved& s) {
    std::vector<Evidence> with, without;
    for (const auto& row : s.samples)
        for (const Sample& sample : row)
            (sample.facts.dpo.log_policy.size() > 0 ? with : without)
                .push_back(evidence_of(sample.facts));
    add_case(out, claim, s.setting.name, with);
    add_case(out, claim, s.setting.name + ", samples without an optimum", without);
}

void judge_setting(StudyOutcome& out, const std::vector<Claim>& claims, const Solved& s) {
    for (const Claim& claim : claims)
        if (claim.checks.cases == StudyCases::kEachSample)
            judge_samples(out, claim, s);
        else
            add_case(out, claim, s.setting.name, {evidence_of(s.population)});
}

// Fields -----------------------------------------------------------------------------------------

using Values = ResultWriter::Values;

std::vector<Field> fields() {
    const std::vector<std::string> one = {"rlhf_setting"}, two = {"rlhf_setting", "rlhf_size"};
    const std::vector<std::string> fault = {"rlhf_broken"},
                                   faults = {"rlhf_broken", "rlhf_broken_samples"};
    const auto real = FieldType::kReal;
    return {
        {"rlhf_setting", one, FieldType::kText, "", "tabular world that meets every assumption"},
        {"rlhf_size", {"rlhf_size"}, FieldType::kInteger, "", "index of the sample size"},
        {"rlhf_prompts", one, FieldType::kInteger, "", "P"},
        {"rlhf_responses", one, FieldType::kInteger, "", "A, responses a prompt"},
        {"rlhf_beta", one, real, "", "beta of the tabular world"},
        {"rlhf_population_gap", one, real, "",
         "max |log pi - log pi*|, pi the population DPO optimum, pi* = pi_ref exp(r / beta) / Z"},
        {"rlhf_descent_gap", one, real, "", "the same after gradient descent on the DPO loss"},
        {"rlhf_ascent_gap", one, real, "", "the same after policy gradient on RLHF's objective"},
        {"rlhf_pair_gap", one, real, "",
         "max |log pi_DPO - log pi_RLHF| over all samples that have an optimum"},
        {"rlhf_slope", one, real, "", "d log KL(pi* || pihat_N) / d log N, mean over replicates"},
        {"rlhf_slope_error", one, real, "", "half width of its confidence interval"},
        {"rlhf_log_slope", one, real, "", "d log max |log pi* - log pihat_N| / d log N"},
        {"rlhf_log_slope_error", one, real, "", "half width of its confidence interval"},
        {"rlhf_constant", one, real, "", "predicted limit of N E KL(pi* || pihat_N)"},
        {"rlhf_samples", two, FieldType::kInteger, "", "N, comparisons in a sample"},
        {"rlhf_optimum_share", two, real, "",
         "share of the samples that have an optimum (Ford's condition)"},
        {"rlhf_divergence", two, real, "nat",
         "KL(pi* || pihat_N), mean over the samples that have an optimum"},
        {"rlhf_log_error", two, real, "", "max |log pi* - log pihat_N|, mean over the same"},
        {"rlhf_broken", fault, FieldType::kText, "", "tabular world that breaks one assumption"},
        integer_field("rlhf_broken_samples", {"rlhf_broken_samples"}, "",
                      "N, comparisons in a sample"),
        {"rlhf_broken_reason", fault, FieldType::kText, "", "why T10a does not apply"},
        {"rlhf_broken_gap", fault, real, "nat",
         "KL(pi* || pi), pi the population DPO optimum, pi* RLHF's optimum in the policy class"},
        {"rlhf_broken_distance", fault, real, "", "total variation between the two"},
        {"rlhf_broken_divergence", faults, real, "nat", "KL(pi* || pihat_N), mean over samples"},
    };
}

template <class Value, class Of>
std::vector<Value> each(const std::vector<Solved>& all, Of of) {
    std::vector<Value> out;
    for (const Solved& s : all) out.push_back(static_cast<Value>(of(s)));
    return out;
}

/// Mean over the replicates that have the number.
double mean_of(const std::vector<Sample>& row, double Sample::*value) {
    double sum = 0.0, count = 0.0;
    for (const Sample& s : row)
        if (!std::isnan(s.*value)) {
            sum += s.*value;
            count += 1.0;
        }
    return count > 0.0 ? sum / count : kNan;
}

template <class Value, class Of>
std::vector<Value> each_size(const std::vector<Solved>& all, Of of) {
    std::vector<Value> out;
    for (const Solved& s : all)
        for (std::size_t k = 0; k < s.samples.size(); ++k)
            out.push_back(static_cast<Value>(of(s, k)));
    return out;
}

double optimum_share(const std::vector<Sample>& row) {
    const auto with = std::count_if(
        row.begin(), row.end(), [](const Sample& s) { return s.facts.dpo.log_policy.size() > 0; });
    return static_cast<double>(with) / static_cast<double>(row.size());
}

double worst_pair_gap(const Solved& s) {
    double worst = 0.0;
    for (const auto& row : s.samples)
        for (const Sample& sample : row) worst = std::max(worst, sample.pair_gap);
    return worst;
}

double total_variation(const Solved& s) {
    const RowMatrix difference = s.target.array().exp() - s.population.dpo.log_policy.array().exp();
    return 0.5 * s.setting.world.weight.dot(difference.cwiseAbs().rowwise().sum());
}

void put_settings(StudyOutcome& out, const std::vector<Solved>& all) {
    using S = const Solved&;
    const auto put = [&](const char* name, Values v) {
        out.values.emplace_back(name, std::move(v));
    };
    const auto real = [&](const char* name, auto of) { put(name, each<double>(all, of)); };
    std::vector<std::int64_t> index(all.front().plan.size.size());
    std::iota(index.begin(), index.end(), 0);
    put("rlhf_setting", each<std::string>(all, [](S s) { return s.setting.name; }));
    put("rlhf_size", index);
    put("rlhf_prompts", each<std::int64_t>(all, [](S s) { return s.target.rows(); }));
    put("rlhf_responses", each<std::int64_t>(all, [](S s) { return s.target.cols(); }));
    real("rlhf_beta", [](S s) { return s.setting.beta; });
    real("rlhf_population_gap",
         [](S s) { return log_ratio_gap(s.target, s.population.dpo.log_policy); });
    real("rlhf_descent_gap", [](S s) { return log_ratio_gap(s.target, s.descended); });
    real("rlhf_ascent_gap", [](S s) { return log_ratio_gap(s.target, s.population.ascent); });
    real("rlhf_pair_gap", worst_pair_gap);
    real("rlhf_constant", [](S s) { return theory::gap_law(s.population).mean; });
}

void put_convergence(StudyOutcome& out, const std::vector<Solved>& all) {
    using S = const Solved&;
    const auto put = [&](const char* name, Values v) {
        out.values.emplace_back(name, std::move(v));
    };
    const auto slope = [](const theory::Convergence& c) { return theory::fit_power_law(c); };
    const auto real = [&](const char* name, auto of) { put(name, each<double>(all, of)); };
    real("rlhf_slope", [&](S s) { return slope(s.population.divergence).slope; });
    real("rlhf_slope_error", [&](S s) { return slope(s.population.divergence).half_width; });
    real("rlhf_log_slope", [&](S s) { return slope(s.population.log_error).slope; });
    real("rlhf_log_slope_error", [&](S s) { return slope(s.population.log_error).half_width; });
    put("rlhf_samples",
        each_size<std::int64_t>(all, [](S s, std::size_t k) { return s.plan.size[k]; }));
    put("rlhf_optimum_share",
        each_size<double>(all, [](S s, std::size_t k) { return optimum_share(s.samples[k]); }));
    put("rlhf_divergence", each_size<double>(all, [](S s, std::size_t k) {
            return mean_of(s.samples[k], &Sample::divergence);
        }));
    put("rlhf_log_error", each_size<double>(all, [](S s, std::size_t k) {
            return mean_of(s.samples[k], &Sample::log_error);
        }));
}

void put_broken(StudyOutcome& out, const std::vector<Solved>& all) {
    using S = const Solved&;
    const auto put = [&](const char* name, Values v) {
        out.values.emplace_back(name, std::move(v));
    };
    const Claim claim = theory::select_claims("T10a").front();
    put("rlhf_broken", each<std::string>(all, [](S s) { return s.setting.name; }));
    put("rlhf_broken_samples", all.front().plan.size);
    put("rlhf_broken_reason", each<std::string>(all, [&](S s) {
            const Evidence e = evidence_of(s.population);
            return theory::judge(claim, std::span(&e, 1)).reason;
        }));
    put("rlhf_broken_gap", each<double>(all, [](S s) {
            return divergence(s.setting.world.weight, s.target, s.population.dpo.log_policy);
        }));
    put("rlhf_broken_distance", each<double>(all, total_variation));
    put("rlhf_broken_divergence", each_size<double>(all, [](S s, std::size_t k) {
            return mean_of(s.samples[k], &Sample::divergence);
        }));
}

/// Of the broken settings only the population was solved and sampled.
bool on_broken(const Claim& claim) {
    const StudyCases cases = claim.checks.cases;
    return cases == StudyCases::kAll || cases == StudyCases::kGrowingSizes;
}

/// The tied policy class is solved on the population only, never sampled.
bool on_tied(const Claim& claim) {
    const StudyCases cases = claim.checks.cases;
    return cases == StudyCases::kAll || cases == StudyCases::kUnbroken;
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    const auto fine = solve(tabular_settings(plan.profile, plan.seed), plan, false);
    const auto broken = solve(broken_settings(plan.seed), plan, true);
    for (const Solved& s : fine) judge_setting(out, claims, s);
    for (const Solved& s : broken)
        for (const Claim& claim : claims)
            if (on_broken(claim)) add_case(out, claim, s.setting.name, {evidence_of(s.population)});
    const TabularSetting tied = tied_realisable(plan.seed);
    const TabularFacts facts = population_facts(tied);
    for (const Claim& claim : claims)
        if (on_tied(claim)) add_case(out, claim, tied.name, {evidence_of(facts)});
    put_settings(out, fine);
    put_convergence(out, fine);
    put_broken(out, broken);
    return out;
}

}  // namespace

Study rlhf_study() {
    return {"rlhf", {"T10a", "T10b", "T10c", "T10d", "T10e"}, fields(), run, {}, rlhf_controls()};
}

}  // namespace prefdyn
