#include <algorithm>
#include <cmath>
#include <iterator>

#include "experiments/program/parallel.hpp"
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
    StudyOutcome judged;  ///< without values
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

PairResult judge_pair(const std::vector<theory::Claim>& claims, const MixtureRun& run,
                      const std::string& name) {
    PairResult out;
    for (const auto& claim : claims) out.judged.judge("priority", claim, name, run.evidence());
    const theory::BehaviourStatistics& b = run.behaviours;
    out.level_i = b.priority(0);
    out.level_j = b.priority(1);
    out.gap = gap_of_two(run);
    out.lead_time = std::fabs(theory::lead_time(b, 0, 1, run.kappa));
    out.first_crossing = crossing_of_two(run);
    out.end_i = run.trajectory.records.back().behaviours[0];
    out.end_j = run.trajectory.records.back().behaviours[1];
    return out;
}

/// Share of the pairs in which the higher priority is ahead at the end; NaN without a pair. A tie
/// counts half.
double agreement(const std::vector<PairResult>& results, const Lead& lead) {
    double agree = 0.0, pairs = 0.0;
    for (const PairResult& r : results) {
        const double predicted = r.level_i - r.level_j;
        const double found = r.end_i.*lead.metric - r.end_j.*lead.metric;
        if (std::isnan(predicted)) continue;
        pairs += 1.0;
        agree += predicted * found > 0.0 ? 1.0 : predicted * found == 0.0 ? 0.5 : 0.0;
    }
    return pairs > 0.0 ? agree / pairs : kNan;
}

struct Pairs {
    std::vector<std::string> names;
    std::vector<PairOfBehaviours> all;
    std::vector<PairResult> results;

    /// (K, K) of what `get` says of the row's behaviour mixed with the column's: of a result, and
    /// whether the row's is its first.
    template <class Get>
    std::vector<double> matrix(double diagonal, Get get) const {
        const std::size_t K = names.size();
        std::vector<double> out(K * K, kNan);
        for (std::size_t k = 0; k < K; ++k) out[k * K + k] = diagonal;
        for (std::size_t p = 0; p < all.size(); ++p) {
            out[all[p].i * K + all[p].j] = get(results[p], true);
            out[all[p].j * K + all[p].i] = get(results[p], false);
        }
        return out;
    }
};

std::vector<Filled<Pairs>> filled_fields() {
    using P = const Pairs&;
    using R = const PairResult&;
    const std::string name = "priority_pair", of = "priority_pair_with",
                      measure = "priority_pair_measure";
    const std::vector<std::string> axes = {name, of};
    std::vector<Filled<Pairs>> out = {
        {name, "", "given behaviour", &Pairs::names},
        {of, "", "given behaviour it is mixed with", &Pairs::names},
        {field_of(measure_as("priority_pair_level", "level",
                             "of the row's behaviour mixed with the column's, by their counts"),
                  axes),
         [](P p) { return p.matrix(kNan, [](R r, bool i) { return i ? r.level_i : r.level_j; }); }},
        {field_of(measure_as("priority_pair_gap", "gap", "of the row's over the column's"), axes),
         [](P p) { return p.matrix(0.0, [](R r, bool i) { return i ? r.gap : -r.gap; }); }},
        {field_of(measure_as("priority_pair_lead_time", "lead_time",
                             "kappa bounded by the behaviours' weighted largest eigenvalues"),
                  axes),
         [](P p) { return p.matrix(kNan, [](R r, bool) { return r.lead_time; }); }},
        {field_of(measure_as("priority_pair_crossing", "crossing"), axes),
         [](P p) { return p.matrix(kNan, [](R r, bool) { return r.first_crossing; }); }},
        {measure, "", "what a lead is measured in",
         [](P) {
             return std::vector<std::string>{kLeads[0].name, kLeads[1].name};
         }},
        {"priority_pair_agreement",
         {measure},
         "",
         "share of the pairs in which the higher priority is ahead at the last record",
         [](P p) {
             return std::vector<double>{agreement(p.results, kLeads[0]),
                                        agreement(p.results, kLeads[1])};
         }},
    };
    for (const Lead& lead : kLeads)
        out.push_back({field_of(measure_as(lead.field, lead.measure,
                                           "of the row's behaviour mixed with the column's, at the "
                                           "last record"),
                                axes),
                       [metric = lead.metric](P p) {
                           return p.matrix(kNan, [metric](R r, bool i) {
                               return (i ? r.end_i : r.end_j).*metric;
                           });
                       }});
    return out;
}

}  // namespace

std::vector<Field> pair_fields() { return fields_of(filled_fields()); }

StudyOutcome judge_pairs(const std::vector<theory::Claim>& claims,
                         const std::vector<Dataset>& behaviours, const VerifyPlan& plan) {
    // lambda_max of a mixture's M is at most the weighted sum of its parts': K eigenvalue problems
    // instead of K^2 / 2, and kappa is never too small.
    std::vector<double> top(behaviours.size());
    parallel_for("spectra", top.size(),
                 [&](std::size_t k) { top[k] = theory::gram_norm(behaviours[k].features, 1.0); });
    const MixtureTraining training = {
        .beta = plan.beta, .eta_kappa = 0.05, .steps = 60, .records = 12, .device = plan.device};
    Pairs pairs{gather(behaviours, &Dataset::name), all_pairs(behaviours), {}};
    pairs.results.resize(pairs.all.size());
    parallel_for("pairs", pairs.all.size(), [&](std::size_t p) {
        const auto [i, j] = pairs.all[p];
        Dataset data = mixture_of(behaviours[i], behaviours[j]);
        const std::string name = data.name;
        const double lambda_max = (top[i] + top[j]) / static_cast<double>(data.samples());
        pairs.results[p] = judge_pair(
            claims, train_mixture(std::move(data), training, plan.seed, lambda_max), name);
    });
    StudyOutcome out;
    for (PairResult& result : pairs.results)
        std::ranges::move(result.judged.cases, std::back_inserter(out.cases));
    out.put(filled_fields(), pairs);
    return out;
}

}  // namespace prefdyn
