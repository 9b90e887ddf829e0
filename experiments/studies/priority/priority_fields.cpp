#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/results/columns.hpp"
#include "experiments/studies/priority/priority.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

/// The pair with the highest and the lowest priority.
std::pair<Index, Index> extremes(const theory::BehaviourStatistics& b) {
    Index high = 0, low = 0;
    b.alignment.maxCoeff(&high);
    b.alignment.minCoeff(&low);
    return {high, low};
}

/// First crossing over t*, the least of all pairs; NaN if no pair ever crosses. T8b: above 1.
double least_lead_ratio(const MixtureRun& run) {
    const auto& b = run.behaviours;
    double least = kNan;
    for (Index i = 0; i < b.behaviours(); ++i)
        for (Index j = 0; j < b.behaviours(); ++j) {
            // Differences of rounding size have no order to keep.
            if (!(b.priority(i) - b.priority(j) > 1e-9 * b.mixture.norm())) continue;
            const double crossing = first_crossing(run.trajectory, static_cast<std::size_t>(i),
                                                   static_cast<std::size_t>(j));
            const double ratio = crossing / theory::lead_time(b, i, j, run.kappa);
            least = std::fmin(least, ratio);
        }
    return least;
}

double count_unlearned(const MixtureRun& run, bool measured) {
    if (!measured) return static_cast<double>((run.behaviours.alignment.array() < 0.0).count());
    const Record& early = run.trajectory.records.at(1);
    return static_cast<double>(
        std::count_if(early.behaviours.begin(), early.behaviours.end(),
                      [](const BehaviourMetrics& m) { return m.rewards_margins < 0.0; }));
}

const char* const kExtremes = "highest and lowest priority";

const std::vector<Measured<PriorityResult>>& setting_measures() {
    using R = const PriorityResult&;
    static const std::vector<Measured<PriorityResult>> all = {
        {{"priority_behaviours", "", "K"},
         [](R r) { return static_cast<double>(r.run.behaviours.behaviours()); }},
        {{"priority_norm_ratio", "", "longest class-mean difference over the shortest"},
         [](R r) { return r.setting.norm_ratio; }},
        {{"priority_angle", "degrees",
          "between every two mean differences; NaN if not all are alike"},
         [](R r) { return r.setting.angle; }},
        {{"priority_flow", "", "1 for the gradient flow, 0 for gradient descent"},
         [](R r) { return r.setting.training.method == Method::kFlow ? 1.0 : 0.0; }},
        {measure_as("priority_kappa", "kappa", "of the mixture's loss"),
         [](R r) { return r.run.kappa; }},
        {{"priority_mixture_norm", "feature units", "||bbar||"},
         [](R r) { return r.run.behaviours.mixture.norm(); }},
        {measure_as("priority_lead_time", "lead_time", kExtremes),
         [](R r) {
             const auto [i, j] = extremes(r.run.behaviours);
             return theory::lead_time(r.run.behaviours, i, j, r.run.kappa);
         }},
        {measure_as("priority_first_crossing", "crossing", kExtremes),
         [](R r) {
             const auto [i, j] = extremes(r.run.behaviours);
             return i == j ? kNan
                           : first_crossing(r.run.trajectory, static_cast<std::size_t>(i),
                                            static_cast<std::size_t>(j));
         }},
        {{"priority_lead_ratio", "",
          "least first crossing / t* over all pairs; NaN if none ever crosses"},
         [](R r) { return least_lead_ratio(r.run); }},
        {{"priority_negative", "behaviours", "behaviours with P_k < 0"},
         [](R r) { return count_unlearned(r.run, false); }},
        {{"priority_unlearned", "behaviours",
          "behaviours with M_k < 0 at the first record after t = 0"},
         [](R r) { return count_unlearned(r.run, true); }},
    };
    return all;
}

std::size_t most_records(const std::vector<PriorityResult>& results) {
    std::size_t most = 0;
    for (const auto& r : results) most = std::max(most, r.run.trajectory.records.size());
    return most;
}

std::size_t most_behaviours(const std::vector<PriorityResult>& results) {
    Index most = 0;
    for (const auto& r : results) most = std::max(most, r.run.behaviours.behaviours());
    return static_cast<std::size_t>(most);
}

/// (setting, behaviour), NaN beyond each setting's K.
std::vector<double> per_behaviour(const std::vector<PriorityResult>& results, std::size_t K,
                                  const std::function<Vector(const MixtureRun&)>& get) {
    std::vector<double> out(results.size() * K, kNan);
    for (std::size_t s = 0; s < results.size(); ++s) {
        const Vector values = get(results[s].run);
        std::copy(values.begin(), values.end(), out.begin() + static_cast<std::ptrdiff_t>(s * K));
    }
    return out;
}

std::vector<double> curve(const std::vector<PriorityResult>& results, std::size_t R, std::size_t K,
                          double BehaviourMetrics::*metric) {
    std::vector<double> out(results.size() * R * K, kNan);
    for (std::size_t s = 0; s < results.size(); ++s) {
        const auto& records = results[s].run.trajectory.records;
        for (std::size_t r = 0; r < records.size(); ++r)
            for (std::size_t k = 0; k < records[r].behaviours.size(); ++k)
                out[(s * R + r) * K + k] = records[r].behaviours[k].*metric;
    }
    return out;
}

}  // namespace

std::vector<Field> mixture_fields() {
    const std::string s = "priority_setting", b = "priority_behaviour", r = "priority_record";
    std::vector<Field> out = {
        text_field(s, {s}, "mixture and trainer of the priority study"),
        integer_field(b, {b}, "", "number of the behaviour within a mixture"),
        integer_field(r, {r}, "", "number of the record"),
        field_of(measure_as("priority_time", "time"), {s, r}),
        field_of(measure_as("priority_level", "level"), {s, b}),
        real_field("priority_weight", {s, b}, "", "q_k = n_k / n"),
        real_field("priority_norm", {s, b}, "feature units", "||b_k||"),
    };
    for (const auto& m : setting_measures()) out.push_back(field_of(m.measure, {s}));
    for (const BehaviourCurve& c : priority_curves())
        out.push_back(field_of(
            measure_as(std::string("priority_") + c.name, c.measure, "behaviour k"), {s, r, b}));
    return out;
}

std::span<const BehaviourCurve> priority_curves() {
    static constexpr BehaviourCurve all[] = {
        {"margin", "rewards_margins", &BehaviourMetrics::rewards_margins},
        {"accuracy", "rewards_accuracies", &BehaviourMetrics::rewards_accuracies},
        {"loss", "loss", &BehaviourMetrics::loss},
    };
    return all;
}

void put_mixtures(StudyOutcome& outcome, const std::vector<PriorityResult>& results) {
    auto& out = outcome.values;
    const std::size_t R = most_records(results), K = most_behaviours(results);
    out.emplace_back("priority_setting",
                     gather(results, [](const auto& r) { return r.setting.name; }));
    out.emplace_back("priority_behaviour", count_to(K));
    out.emplace_back("priority_record", count_to(R));
    for (const auto& m : setting_measures())
        out.emplace_back(m.measure.name, gather(results, m.get));
    std::vector<double> time(results.size() * R, kNan);
    for (std::size_t s = 0; s < results.size(); ++s)
        for (std::size_t r = 0; r < results[s].run.trajectory.records.size(); ++r)
            time[s * R + r] = results[s].run.trajectory.records[r].time;
    out.emplace_back("priority_time", time);
    using M = const MixtureRun&;
    out.emplace_back("priority_level",
                     per_behaviour(results, K, [](M m) { return m.behaviours.priority; }));
    out.emplace_back("priority_weight",
                     per_behaviour(results, K, [](M m) { return m.behaviours.weight; }));
    out.emplace_back("priority_norm", per_behaviour(results, K, [](M m) {
                         return Vector(m.behaviours.mean.rowwise().norm());
                     }));
    for (const BehaviourCurve& c : priority_curves())
        out.emplace_back(std::string("priority_") + c.name, curve(results, R, K, c.value));
}

}  // namespace prefdyn
