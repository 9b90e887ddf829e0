#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/program/parallel.hpp"
#include "experiments/results/columns.hpp"
#include "experiments/studies/priority/priority.hpp"
#include "sim/base/bootstrap.hpp"
#include "sim/base/numerics.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

double kendall_tau(const std::vector<double>& x, const std::vector<double>& y) {
    const auto sign = [](double a, double b) { return (a < b ? 1.0 : 0.0) - (b < a ? 1.0 : 0.0); };
    double together = 0.0, pairs_x = 0.0, pairs_y = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            const double a = sign(x[i], x[j]), b = sign(y[i], y[j]);
            together += a * b;
            pairs_x += std::fabs(a);
            pairs_y += std::fabs(b);
        }
    return together / std::sqrt(pairs_x * pairs_y);
}

namespace {

double first_time(const Trajectory& trajectory, std::size_t k, double BehaviourMetrics::*metric,
                  double level) {
    for (const Record& r : trajectory.records)
        if (r.behaviours[k].*metric >= level) return r.time;
    return kInfinity;
}

}  // namespace

double order_agreement(const MixtureRun& run, double BehaviourMetrics::*metric, double level) {
    std::vector<double> predicted, measured;
    for (Index k = 0; k < run.behaviours.behaviours(); ++k) {
        predicted.push_back(-run.behaviours.priority(k));
        measured.push_back(first_time(run.trajectory, static_cast<std::size_t>(k), metric, level));
    }
    return kendall_tau(predicted, measured);
}

namespace {

/// The order of learning over repeated samples of one mixture.
struct OrderSetting {
    std::string name;
    PrioritySetting setting;
};

constexpr double kAccuracyLevel = 0.8, kMarginLevel = 0.1;

std::vector<OrderSetting> order_settings(const VerifyPlan& plan) {
    const Profile profile = plan.profile;
    std::vector<OrderSetting> out;
    for (const Index K : {4, 16, 128}) {
        if (K == 128 && profile != Profile::kFull) continue;
        for (const double degrees : {60.0, 90.0}) {
            PrioritySetting s{"", equiangular_mixture(K, 4.0, 4.0, degrees), 4.0, degrees, {}};
            s.mixture.moments = Moments::kPopulation;
            s.training.eta_kappa = 0.02;
            s.training.records = 150;
            s.training.device = plan.device;
            s.training.steps = profile == Profile::kQuick ? 300 : 600;
            out.push_back({"K = " + std::to_string(K) + ", " +
                               std::to_string(static_cast<int>(degrees)) + " degrees",
                           s});
        }
    }
    return out;
}

}  // namespace

std::vector<Field> order_fields() {
    const std::string axis = "priority_order";
    std::vector<Field> out = {
        text_field(axis, {axis}, "mixture whose order of learning is measured")};
    const std::pair<std::string, std::string> orders[] = {
        {"accuracy", "time to reach a reward accuracy of 0.8"},
        {"margin", "time to reach a mean reward margin of 0.1"}};
    for (const auto& [name, time] : orders) {
        const std::string tau = "priority_tau_" + name;
        out.push_back(real_field(
            tau, {axis}, "",
            "Kendall's tau-b of the order predicted by P_k and the " + time + ", mean over seeds"));
        out.push_back(
            real_field(tau + "_low", {axis}, "", "lower end of its 95 % bootstrap interval"));
        out.push_back(real_field(tau + "_high", {axis}, "", "upper end of the same"));
    }
    return out;
}

void put_orders(StudyOutcome& outcome, const VerifyPlan& plan) {
    auto& out = outcome.values;
    const auto settings = order_settings(plan);
    const std::size_t seeds = plan.profile == Profile::kQuick     ? 5
                              : plan.profile == Profile::kDefault ? 20
                                                                  : 50;
    std::vector<double> accuracy(settings.size() * seeds), margin(accuracy.size());
    parallel_for("order of learning", accuracy.size(), [&](std::size_t i) {
        const MixtureRun run = run_mixture(settings[i / seeds].setting,
                                           derive_seed(plan.seed, Substream::kPriorityOrders, i));
        accuracy[i] = order_agreement(run, &BehaviourMetrics::rewards_accuracies, kAccuracyLevel);
        margin[i] = order_agreement(run, &BehaviourMetrics::rewards_margins, kMarginLevel);
    });
    out.emplace_back("priority_order", gather(settings, [](const auto& s) { return s.name; }));
    const auto put = [&](const std::string& name, const std::vector<double>& tau,
                         std::uint64_t index) {
        std::vector<double> mean, low, high;
        for (std::size_t s = 0; s < settings.size(); ++s) {
            const auto first = tau.begin() + static_cast<std::ptrdiff_t>(s * seeds);
            const Interval i =
                bootstrap_mean({first, first + static_cast<std::ptrdiff_t>(seeds)},
                               stream_of(plan.seed, Substream::kOrderIntervals, 2 * s + index));
            mean.push_back(i.estimate);
            low.push_back(i.low);
            high.push_back(i.high);
        }
        out.emplace_back("priority_tau_" + name, mean);
        out.emplace_back("priority_tau_" + name + "_low", low);
        out.emplace_back("priority_tau_" + name + "_high", high);
    };
    put("accuracy", accuracy, 0);
    put("margin", margin, 1);
}

}  // namespace prefdyn
