#include "experiments/studies/rlhf/rlhf.hpp"

#include <algorithm>
#include <cmath>

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

std::vector<Solved> solve(std::vector<TabularSetting> settings, const VerifyPlan& plan,
                          bool broken) {
    std::vector<Solved> out(settings.size());
    parallel_for("tabular worlds", settings.size(), [&](std::size_t i) {
        Solved& s = out[i];
        s.setting = std::move(settings[i]);
        s.population = population_facts(s.setting);
        s.target = rlhf_optimum(s.setting, s.setting.world.reward);
        s.plan = broken ? four_decades(plan.profile == Profile::kQuick ? 4 : 16)
                        : sample_plan(s.population, plan.profile);
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
    if (!evidence.empty()) out.judge("rlhf", claim, setting, evidence);
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

/// At every size.
std::vector<theory::FordFailure> ford_failures(const Solved& s) {
    return gather(s.plan.size, [&](std::int64_t samples) {
        return theory::ford_failure(s.population.wins, static_cast<double>(samples));
    });
}

void judge_setting(StudyOutcome& out, const std::vector<Claim>& claims, const Solved& s) {
    for (const Claim& claim : claims)
        if (claim.checks.cases == StudyCases::kEachSample)
            judge_samples(out, claim, s);
        else {
            add_case(out, claim, s.setting.name, {evidence_of(s.population)});
            if (claim.checks.cases == StudyCases::kGrowingSizes)
                out.cases.back().unmet_probability = ford_failures(s)[s.plan.window].most;
        }
}

/// Mean over the replicates that have the number, at every size.
std::vector<double> means_of(const Solved& s, double Sample::*value) {
    std::vector<double> out;
    for (const auto& row : s.samples) {
        double sum = 0.0, count = 0.0;
        for (const Sample& sample : row)
            if (!std::isnan(sample.*value)) {
                sum += sample.*value;
                count += 1.0;
            }
        out.push_back(count > 0.0 ? sum / count : kNan);
    }
    return out;
}

std::vector<double> optimum_shares(const Solved& s) {
    return gather(s.samples, [](const std::vector<Sample>& row) {
        const auto with = std::ranges::count_if(
            row, [](const Sample& sample) { return sample.facts.dpo.log_policy.size() > 0; });
        return static_cast<double>(with) / static_cast<double>(row.size());
    });
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

using Worlds = std::vector<Solved>;

std::vector<Filled<Worlds>> fields() {
    using S = const Solved&;
    const std::string setting = "rlhf_setting", size = "rlhf_size";
    const std::vector<std::string> one = {setting}, two = {setting, size};
    const auto slope = theory::fit_power_law;
    return {
        {setting, "", "tabular world that meets every assumption",
         [](S s) { return s.setting.name; }},
        {size, "", "index of the sample size",
         [](const Worlds& all) { return count_to(all.front().plan.size.size()); }},
        {"rlhf_prompts", one, "", "P", [](S s) { return s.target.rows(); }},
        {"rlhf_responses", one, "", "A, responses a prompt", [](S s) { return s.target.cols(); }},
        {"rlhf_beta", one, "", "beta of the tabular world", [](S s) { return s.setting.beta; }},
        {"rlhf_population_gap", one, "",
         "max |log pi - log pi*|, pi the population DPO optimum, pi* = pi_ref exp(r / beta) / Z",
         [](S s) { return log_ratio_gap(s.target, s.population.dpo.log_policy); }},
        {"rlhf_descent_gap", one, "", "the same after gradient descent on the DPO loss",
         [](S s) { return log_ratio_gap(s.target, s.descended); }},
        {"rlhf_ascent_gap", one, "", "the same after policy gradient on RLHF's objective",
         [](S s) { return log_ratio_gap(s.target, s.population.ascent); }},
        {"rlhf_pair_gap", one, "",
         "max |log pi_DPO - log pi_RLHF| over all samples that have an optimum", worst_pair_gap},
        {"rlhf_slope", one, "", "d log KL(pi* || pihat_N) / d log N, mean over replicates",
         [=](S s) { return slope(s.population.divergence).slope; }},
        {"rlhf_slope_error", one, "", "half width of its confidence interval",
         [=](S s) { return slope(s.population.divergence).half_width; }},
        {"rlhf_log_slope", one, "", "d log max |log pi* - log pihat_N| / d log N",
         [=](S s) { return slope(s.population.log_error).slope; }},
        {"rlhf_log_slope_error", one, "", "half width of its confidence interval",
         [=](S s) { return slope(s.population.log_error).half_width; }},
        {"rlhf_constant", one, "", "predicted limit of N E KL(pi* || pihat_N)",
         [](S s) { return theory::gap_law(s.population).mean; }},
        {"rlhf_samples", two, "", "N, comparisons in a sample", [](S s) { return s.plan.size; }},
        {"rlhf_optimum_share", two, "",
         "share of the samples that have an optimum (Ford's condition)", optimum_shares},
        {"rlhf_ford_failure", two, "",
         "probability that a sample of N fails Ford's condition, at most: the sum over all sets of "
         "responses of the probability that none of them beats another",
         [](S s) { return gather(ford_failures(s), &theory::FordFailure::most); }},
        {"rlhf_ford_failure_least", two, "", "the same, at least (Bonferroni's second bound)",
         [](S s) { return gather(ford_failures(s), &theory::FordFailure::least); }},
        {"rlhf_divergence", two, "nat",
         "KL(pi* || pihat_N), mean over the samples that have an optimum",
         [](S s) { return means_of(s, &Sample::divergence); }},
        {"rlhf_log_error", two, "", "max |log pi* - log pihat_N|, mean over the same",
         [](S s) { return means_of(s, &Sample::log_error); }},
    };
}

std::vector<Filled<Worlds>> broken_fields() {
    using S = const Solved&;
    const std::string setting = "rlhf_broken", samples = "rlhf_broken_samples";
    const std::vector<std::string> one = {setting}, two = {setting, samples};
    const Claim claim = theory::select_claims("T10a").front();
    return {
        {setting, "", "tabular world that breaks one assumption",
         [](S s) { return s.setting.name; }},
        {samples, "", "N, comparisons in a sample",
         [](const Worlds& all) { return all.front().plan.size; }},
        {"rlhf_broken_reason", one, "", "why " + claim.id + " does not apply",
         [claim](S s) { return judge_case(claim, evidence_of(s.population)).reason; }},
        {"rlhf_broken_gap", one, "nat",
         "KL(pi* || pi), pi the population DPO optimum, pi* RLHF's optimum in the policy class",
         [](S s) {
             return divergence(s.setting.world.weight, s.target, s.population.dpo.log_policy);
         }},
        {"rlhf_broken_distance", one, "", "total variation between the two", total_variation},
        {"rlhf_broken_divergence", two, "nat", "KL(pi* || pihat_N), mean over samples",
         [](S s) { return means_of(s, &Sample::divergence); }},
    };
}

/// What a policy earns, and its theta of pi ~ (e^theta, e^-theta, 1).
struct Earned {
    double reward, theta;
};

Earned earned(const TabularSetting& s, const RowMatrix& log_policy) {
    const RowMatrix pi = log_policy.array().exp();
    return {pi.cwiseProduct(s.world.reward).sum(), 0.5 * (log_policy(0, 0) - log_policy(0, 1))};
}

struct Misspecified {
    double third;  ///< how often the pair (3, 1) is compared for each (1, 2)
    Earned dpo, rlhf, reference;
};

std::vector<Misspecified> solve_misspecified() {
    std::vector<Misspecified> out;
    for (const double third : {1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0}) {
        const TabularSetting s = misspecified(third);
        out.push_back({third, earned(s, population_facts(s).dpo.log_policy),
                       earned(s, rlhf_optimum(s, s.world.reward)),
                       earned(s, log_reference(s.world))});
    }
    return out;
}

std::vector<Filled<std::vector<Misspecified>>> misspecified_fields() {
    using M = const Misspecified&;
    const std::string third = "rlhf_misspecified_third";
    const std::vector<std::string> one = {third};
    return {
        {third, "",
         "how often (3, 1) is compared for each (1, 2) and (2, 3): rewards 1, 2, 0, class "
         "pi ~ (e^theta, e^-theta, 1), uniform reference, beta = 1",
         [](M m) { return m.third; }},
        {"rlhf_misspecified_theta", one, "", "theta of the population DPO optimum in the class",
         [](M m) { return m.dpo.theta; }},
        {"rlhf_misspecified_reward", one, "", "E r of it", [](M m) { return m.dpo.reward; }},
        {"rlhf_misspecified_rlhf_theta", one, "", "theta of RLHF's optimum in the class",
         [](M m) { return m.rlhf.theta; }},
        {"rlhf_misspecified_rlhf_reward", one, "", "E r of it", [](M m) { return m.rlhf.reward; }},
        {"rlhf_misspecified_reference_reward", one, "", "E r of the reference",
         [](M m) { return m.reference.reward; }},
    };
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    const auto fine = solve(tabular_settings(plan.profile, plan.seed), plan, false);
    const auto broken = solve(broken_settings(plan.seed), plan, true);
    for (const Solved& s : fine) judge_setting(out, claims, s);
    const auto about = [](const Claim& claim, StudyCases also) {
        return claim.checks.cases == StudyCases::kAll || claim.checks.cases == also;
    };
    // Of the broken settings only the population was solved and sampled.
    for (const Solved& s : broken)
        for (const Claim& claim : claims)
            if (about(claim, StudyCases::kGrowingSizes))
                add_case(out, claim, s.setting.name, {evidence_of(s.population)});
    // The tied policy class is solved on the population only, never sampled.
    const TabularSetting tied = tied_realisable(plan.seed);
    const TabularFacts facts = population_facts(tied);
    for (const Claim& claim : claims)
        if (about(claim, StudyCases::kUnbroken))
            add_case(out, claim, tied.name, {evidence_of(facts)});
    out.put(fields(), fine);
    out.put(broken_fields(), broken);
    out.put(misspecified_fields(), solve_misspecified());
    return out;
}

}  // namespace

Evidence evidence_of(const TabularFacts& facts) {
    Evidence e;
    e.of = theory::TabularCase(&facts);
    e.training.beta = facts.beta;
    return e;
}

Study rlhf_study() {
    return {"rlhf",
            {"T10a", "T10b", "T10c", "T10d", "T10e", "T20"},
            fields_of(fields(), broken_fields(), misspecified_fields()),
            run,
            {},
            rlhf_controls()};
}

}  // namespace prefdyn
