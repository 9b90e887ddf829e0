#include <algorithm>
#include <cmath>

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

using Results = std::vector<PriorityResult>;

RecordCurves curves_of(const Results& results) {
    return RecordCurves(gather(results, [](const PriorityResult& r) { return &r.run.trajectory; }));
}

std::size_t most_behaviours(const Results& results) {
    const auto count = [](const PriorityResult& r) { return r.run.behaviours.behaviours(); };
    return static_cast<std::size_t>(std::ranges::max(gather(results, count)));
}

/// (setting, behaviour), NaN beyond each setting's K.
template <class Get>
auto per_behaviour(Get get) {
    return [get](const Results& results) {
        const std::size_t K = most_behaviours(results);
        std::vector<double> out(results.size() * K, kNan);
        for (std::size_t s = 0; s < results.size(); ++s)
            std::ranges::copy(Vector(get(results[s].run.behaviours)), out.data() + s * K);
        return out;
    };
}

}  // namespace

std::vector<Filled<Results>> mixture_fields() {
    using R = const PriorityResult&;
    using B = const theory::BehaviourStatistics&;
    const std::string s = "priority_setting", b = "priority_behaviour", r = "priority_record";
    const std::vector<std::string> one = {s}, each = {s, b};
    const char* const extreme = "highest and lowest priority";
    std::vector<Filled<Results>> out = {
        {s, "", "mixture and trainer of the priority study", [](R of) { return of.setting.name; }},
        {b, "", "number of the behaviour within a mixture",
         [](const Results& all) { return count_to(most_behaviours(all)); }},
        {r, "", "number of the record",
         [](const Results& all) { return count_to(curves_of(all).length()); }},
        {field_of(measure_as("priority_time", "time"), {s, r}),
         [](const Results& all) { return curves_of(all).of(&Record::time); }},
        {field_of(measure_as("priority_level", "level"), each),
         per_behaviour([](B of) { return of.priority; })},
        {"priority_weight", each, "", "q_k = n_k / n",
         per_behaviour([](B of) { return of.weight; })},
        {"priority_norm", each, "feature units", "||b_k||",
         per_behaviour([](B of) { return of.mean.rowwise().norm(); })},
        {"priority_behaviours", one, "", "K",
         [](R of) { return static_cast<double>(of.run.behaviours.behaviours()); }},
        {"priority_norm_ratio", one, "", "longest class-mean difference over the shortest",
         [](R of) { return of.setting.norm_ratio; }},
        {"priority_angle", one, "degrees",
         "between every two mean differences; NaN if not all are alike",
         [](R of) { return of.setting.angle; }},
        {"priority_flow", one, "", "1 for the gradient flow, 0 for gradient descent",
         [](R of) { return of.setting.training.method == Method::kFlow ? 1.0 : 0.0; }},
        {field_of(measure_as("priority_kappa", "kappa", "of the mixture's loss"), one),
         [](R of) { return of.run.kappa; }},
        {"priority_mixture_norm", one, "feature units", "||bbar||",
         [](R of) { return of.run.behaviours.mixture.norm(); }},
        {field_of(measure_as("priority_lead_time", "lead_time", extreme), one),
         [](R of) {
             const auto [i, j] = extremes(of.run.behaviours);
             return theory::lead_time(of.run.behaviours, i, j, of.run.kappa);
         }},
        {field_of(measure_as("priority_first_crossing", "crossing", extreme), one),
         [](R of) {
             const auto [i, j] = extremes(of.run.behaviours);
             return i == j ? kNan
                           : first_crossing(of.run.trajectory, static_cast<std::size_t>(i),
                                            static_cast<std::size_t>(j));
         }},
        {"priority_lead_ratio", one, "",
         "least first crossing / t* over all pairs; NaN if none ever crosses",
         [](R of) { return least_lead_ratio(of.run); }},
        {"priority_negative", one, "behaviours", "behaviours with P_k < 0",
         [](R of) { return count_unlearned(of.run, false); }},
        {"priority_unlearned", one, "behaviours",
         "behaviours with M_k < 0 at the first record after t = 0",
         [](R of) { return count_unlearned(of.run, true); }},
    };
    for (const BehaviourCurve& c : priority_curves())
        out.push_back(
            {field_of(measure_as(std::string("priority_") + c.name, c.measure, "behaviour k"),
                      {s, r, b}),
             [value = c.value](const Results& all) {
                 return curves_of(all).of_behaviours(most_behaviours(all), value);
             }});
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

}  // namespace prefdyn
