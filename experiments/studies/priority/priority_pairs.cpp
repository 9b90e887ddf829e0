#include <cmath>
#include <iterator>
#include <limits>

#include "experiments/program/parallel.hpp"
#include "experiments/results/columns.hpp"
#include "experiments/studies/priority/priority.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

struct PairOfBehaviours {
    std::size_t i, j;
};

/// Every pair with features of one dimension; the others have no mixture.
std::vector<PairOfBehaviours> all_pairs(const std::vector<Dataset>& behaviours) {
    std::vector<PairOfBehaviours> out;
    for (std::size_t i = 0; i < behaviours.size(); ++i)
        for (std::size_t j = i + 1; j < behaviours.size(); ++j)
            if (behaviours[i].dimension() == behaviours[j].dimension()) out.push_back({i, j});
    return out;
}

/// What is kept of a pair.
struct PairResult {
    std::vector<CaseRow> cases;
    double level_i, level_j, gap, lead_time, first_crossing;
    BehaviourMetrics end_i, end_j;  ///< at the last record
};

/// What a lead is measured in, larger for the one that is ahead.
struct Lead {
    const char *name, *field, *measure;
    double BehaviourMetrics::*metric;
};

const Lead kLeads[] = {
    {"mean reward margin", "priority_pair_margin", "rewards_margins",
     &BehaviourMetrics::rewards_margins},
    {"reward accuracy", "priority_pair_accuracy", "rewards_accuracies",
     &BehaviourMetrics::rewards_accuracies},
};

MixtureTraining pair_training(const VerifyPlan& plan) {
    MixtureTraining t;
    t.beta = plan.beta;
    t.device = plan.device;
    t.eta_kappa = 0.05;
    t.steps = 60;
    t.records = 12;
    return t;
}

PairResult judge_pair(const std::vector<theory::Claim>& claims, const MixtureRun& run,
                      const std::string& name) {
    PairResult out;
    const theory::Evidence evidence = run.evidence();
    for (const auto& claim : claims) {
        CaseRow row;
        row.study = "priority";
        row.claim = claim.id;
        row.setting = name;
        row.verdict = theory::judge(claim, std::span(&evidence, 1));
        out.cases.push_back(std::move(row));
    }
    const theory::BehaviourStatistics& b = run.behaviours;
    out.level_i = b.priority(0);
    out.level_j = b.priority(1);
    out.gap =
        theory::normalised_gap(b.difference.row(0).transpose(), b.difference.row(1).transpose());
    const bool first_leads = b.priority(0) > b.priority(1);
    out.lead_time = std::fabs(theory::lead_time(b, 0, 1, run.kappa));
    out.first_crossing =
        first_leads ? first_crossing(run.trajectory, 0, 1) : first_crossing(run.trajectory, 1, 0);
    out.end_i = run.trajectory.records.back().behaviours[0];
    out.end_j = run.trajectory.records.back().behaviours[1];
    return out;
}

/// (K, K) row-major matrices of the pairs.
struct PairMatrices {
    std::size_t K;
    std::vector<double> level, gap, lead_time, crossing;
    std::vector<std::vector<double>> end;  ///< of each measure

    explicit PairMatrices(std::size_t count)
        : K(count),
          level(K * K, kNan),
          gap(level),
          lead_time(level),
          crossing(level),
          end(std::size(kLeads), level) {
        for (std::size_t k = 0; k < K; ++k) gap[k * K + k] = 0.0;
    }
    void set(const PairOfBehaviours& p, const PairResult& r) {
        const std::size_t upper = p.i * K + p.j, lower = p.j * K + p.i;
        level[upper] = r.level_i;
        level[lower] = r.level_j;
        gap[upper] = r.gap;
        gap[lower] = -r.gap;
        lead_time[upper] = lead_time[lower] = r.lead_time;
        crossing[upper] = crossing[lower] = r.first_crossing;
        for (std::size_t m = 0; m < end.size(); ++m) {
            end[m][upper] = r.end_i.*kLeads[m].metric;
            end[m][lower] = r.end_j.*kLeads[m].metric;
        }
    }
};

/// Share of the pairs in which the higher priority is ahead at the end; NaN without a pair. A tie
/// counts half.
double agreement(const std::vector<PairResult>& results, double BehaviourMetrics::*metric) {
    double agree = 0.0, pairs = 0.0;
    for (const PairResult& r : results) {
        const double predicted = r.level_i - r.level_j, found = r.end_i.*metric - r.end_j.*metric;
        if (std::isnan(predicted)) continue;
        pairs += 1.0;
        agree += predicted * found > 0.0 ? 1.0 : predicted * found == 0.0 ? 0.5 : 0.0;
    }
    return pairs > 0.0 ? agree / pairs : kNan;
}

}  // namespace

std::vector<Field> pair_fields() {
    const std::string name = "priority_pair", of = "priority_pair_with",
                      measure = "priority_pair_measure";
    const std::vector<std::string> axes = {name, of};
    std::vector<Field> out = {
        text_field(name, {name}, "given behaviour"),
        text_field(of, {of}, "given behaviour it is mixed with"),
        field_of(measure_as("priority_pair_level", "level",
                            "of the row's behaviour mixed with the column's, by their counts"),
                 axes),
        field_of(measure_as("priority_pair_gap", "gap", "of the row's over the column's"), axes),
        field_of(measure_as("priority_pair_lead_time", "lead_time",
                            "kappa bounded by the behaviours' weighted largest eigenvalues"),
                 axes),
        field_of(measure_as("priority_pair_crossing", "crossing"), axes),
        text_field(measure, {measure}, "what a lead is measured in"),
        real_field("priority_pair_agreement", {measure}, "",
                   "share of the pairs in which the higher priority is ahead at the last record"),
    };
    for (const Lead& lead : kLeads)
        out.push_back(field_of(measure_as(lead.field, lead.measure,
                                          "of the row's behaviour mixed with the column's, at the "
                                          "last record"),
                               axes));
    return out;
}

StudyOutcome judge_pairs(const std::vector<theory::Claim>& claims,
                         const std::vector<Dataset>& behaviours, const VerifyPlan& plan) {
    // lambda_max of a mixture's M is at most the weighted sum of its parts': K eigenvalue problems
    // instead of K^2 / 2, and kappa is never too small.
    std::vector<double> top(behaviours.size());
    parallel_for("spectra", top.size(),
                 [&](std::size_t k) { top[k] = theory::gram_norm(behaviours[k].features, 1.0); });
    const auto pairs = all_pairs(behaviours);
    std::vector<PairResult> results(pairs.size());
    parallel_for("pairs", pairs.size(), [&](std::size_t p) {
        Dataset data = mixture_of(behaviours[pairs[p].i], behaviours[pairs[p].j]);
        const std::string name = data.name;
        const double lambda_max =
            (top[pairs[p].i] + top[pairs[p].j]) / static_cast<double>(data.samples());
        const MixtureRun run =
            train_mixture(std::move(data), pair_training(plan), lambda_max, plan.seed);
        results[p] = judge_pair(claims, run, name);
    });
    StudyOutcome out;
    PairMatrices matrices(behaviours.size());
    for (std::size_t p = 0; p < pairs.size(); ++p) {
        matrices.set(pairs[p], results[p]);
        std::move(results[p].cases.begin(), results[p].cases.end(), std::back_inserter(out.cases));
    }
    const auto names = gather(behaviours, [](const Dataset& d) { return d.name; });
    out.values = {{"priority_pair", names},
                  {"priority_pair_with", names},
                  {"priority_pair_level", matrices.level},
                  {"priority_pair_gap", matrices.gap},
                  {"priority_pair_lead_time", matrices.lead_time},
                  {"priority_pair_crossing", matrices.crossing}};
    std::vector<std::string> measures;
    std::vector<double> agreements;
    for (std::size_t m = 0; m < std::size(kLeads); ++m) {
        out.values.emplace_back(kLeads[m].field, matrices.end[m]);
        measures.push_back(kLeads[m].name);
        agreements.push_back(agreement(results, kLeads[m].metric));
    }
    out.values.emplace_back("priority_pair_measure", measures);
    out.values.emplace_back("priority_pair_agreement", agreements);
    return out;
}

}  // namespace prefdyn
