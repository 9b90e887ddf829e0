#include "experiments/studies/priority/priority.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <numeric>
#include <sstream>

#include "experiments/program/parallel.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

std::vector<PriorityResult> run_settings(const VerifyPlan& plan) {
    const auto settings = priority_settings(plan);
    std::vector<PriorityResult> out(settings.size());
    parallel_for("priority", settings.size(), [&](std::size_t s) {
        out[s] = {
            settings[s],
            run_mixture(settings[s], derive_seed(plan.seed, Substream::kPrioritySettings, s))};
    });
    return out;
}

std::string digits(double value) {
    std::ostringstream out;
    out << std::setprecision(4) << value;
    return out.str();
}

/// Behaviours, from the highest priority to the lowest.
std::vector<Index> by_priority(const theory::BehaviourStatistics& b) {
    std::vector<Index> out(static_cast<std::size_t>(b.priority.size()));
    std::iota(out.begin(), out.end(), Index{0});
    std::ranges::stable_sort(out, [&](Index i, Index j) { return b.priority(i) > b.priority(j); });
    return out;
}

/// How long the first of two leads: for sure, and as measured.
std::string lead_words(const MixtureRun& run, Index first, Index second) {
    const double sure = theory::lead_time(run.behaviours, first, second, run.kappa);
    const double caught = first_crossing(run.trajectory, static_cast<std::size_t>(first),
                                         static_cast<std::size_t>(second));
    std::string out = "  behaviour " + std::to_string(first + 1) + " leads " +
                      std::to_string(second + 1) + " at least until t* = " + digits(sure) +
                      " (T8b); ";
    return out + (std::isnan(caught) ? "it is never caught up with, until t = " +
                                           digits(run.trajectory.records.back().time)
                                     : "it is caught up with at t = " + digits(caught));
}

/// Priorities, who leads how long, and the verdicts, of the behaviours that were given.
void append_notes(StudyOutcome& out, const PriorityResult& r) {
    const theory::BehaviourStatistics& b = r.run.behaviours;
    const std::vector<Index> order = by_priority(b);
    out.notes.push_back("your behaviours, " + r.setting.name +
                        ", beta = " + digits(r.setting.training.beta) +
                        ", eta = " + digits(r.run.facts.eta) + ":");
    for (const Index k : order)
        out.notes.push_back("  behaviour " + std::to_string(k + 1) + ": share " +
                            digits(b.weight(k)) + ", P = " + digits(b.priority(k)));
    for (std::size_t k = 0; k + 1 < order.size(); ++k)
        if (b.priority(order[k]) > b.priority(order[k + 1]))
            out.notes.push_back(lead_words(r.run, order[k], order[k + 1]));
    for (const CaseRow& row : out.cases)
        if (row.setting == r.setting.name)
            out.notes.push_back("  " + row.claim + " " + theory::status_name(row.verdict.status) +
                                (row.verdict.reason.empty() ? "" : ": " + row.verdict.reason));
}

}  // namespace

StudyOutcome judge_mixtures(const std::vector<theory::Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    const auto results = run_settings(plan);
    for (const PriorityResult& r : results)
        for (const auto& claim : claims)
            out.judge("priority", claim, r.setting.name, r.run.evidence());
    out.put(mixture_fields(), results);
    if (plan.mixture)
        for (const PriorityResult& r : results) append_notes(out, r);
    else
        put_orders(out, plan);
    return out;
}

Study priority_study() {
    return {"priority",
            {"T8a", "T8b", "T8c", "T8d", "T8e", "T8f"},
            fields_of(mixture_fields(), order_fields(), pair_fields()),
            judge_mixtures,
            judge_pairs,
            priority_controls(),
            true};
}

}  // namespace prefdyn
