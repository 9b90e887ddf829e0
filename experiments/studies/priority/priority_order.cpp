#include <cmath>

#include "experiments/program/parallel.hpp"
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

constexpr double kAccuracyLevel = 0.8, kMarginLevel = 0.1;

/// Mixtures whose order of learning is seen over repeated samples.
std::vector<PrioritySetting> order_settings(const VerifyPlan& plan) {
    const Profile profile = plan.profile;
    std::vector<PrioritySetting> out;
    for (const Index K : {4, 16, 128}) {
        if (K == 128 && profile != Profile::kFull) continue;
        for (const double degrees : {60.0, 90.0}) {
            PrioritySetting s{"K = " + std::to_string(K) + ", " + format_real(degrees) + " degrees",
                              equiangular_mixture(K, 4.0, 4.0, degrees),
                              4.0,
                              degrees,
                              {}};
            s.mixture.moments = Moments::kPopulation;
            s.training.eta_kappa = 0.02;
            s.training.records = 150;
            s.training.device = plan.device;
            s.training.steps = profile == Profile::kQuick ? 300 : 600;
            out.push_back(s);
        }
    }
    return out;
}

/// Kendall's tau-b by accuracy and by margin: mean over seeds and ends of its interval, (setting).
struct Orders {
    std::vector<std::string> names;
    std::vector<Interval> accuracy, margin;
};

std::vector<Filled<Orders>> filled_orders() {
    const std::string axis = "priority_order";
    const std::vector<std::string> axes = {axis};
    std::vector<Filled<Orders>> out = {
        {axis, "", "mixture whose order of learning is measured", &Orders::names}};
    const auto add = [&](const std::string& name, const std::string& time,
                         std::vector<Interval> Orders::*tau) {
        const auto end = [tau](double Interval::*value) {
            return [=](const Orders& orders) { return gather(orders.*tau, value); };
        };
        out.push_back({name, axes, "",
                       "Kendall's tau-b of the order predicted by P_k and the time to reach a " +
                           time + ", mean over seeds",
                       end(&Interval::estimate)});
        out.push_back({name + "_low", axes, "", "lower end of its 95 % bootstrap interval",
                       end(&Interval::low)});
        out.push_back({name + "_high", axes, "", "upper end of the same", end(&Interval::high)});
    };
    add("priority_tau_accuracy", "reward accuracy of 0.8", &Orders::accuracy);
    add("priority_tau_margin", "mean reward margin of 0.1", &Orders::margin);
    return out;
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

std::vector<Field> order_fields() { return fields_of(filled_orders()); }

void put_orders(StudyOutcome& outcome, const VerifyPlan& plan) {
    const auto settings = order_settings(plan);
    const std::size_t seeds = plan.profile == Profile::kQuick     ? 5
                              : plan.profile == Profile::kDefault ? 20
                                                                  : 50;
    std::vector<double> accuracy(settings.size() * seeds), margin(accuracy.size());
    parallel_for("order of learning", accuracy.size(), [&](std::size_t i) {
        const MixtureRun run =
            run_mixture(settings[i / seeds], derive_seed(plan.seed, Substream::kPriorityOrders, i));
        accuracy[i] = order_agreement(run, &BehaviourMetrics::rewards_accuracies, kAccuracyLevel);
        margin[i] = order_agreement(run, &BehaviourMetrics::rewards_margins, kMarginLevel);
    });
    const auto intervals = [&](const std::vector<double>& tau, std::uint64_t index) {
        std::vector<Interval> out;
        for (std::size_t s = 0; s < settings.size(); ++s) {
            const auto first = tau.begin() + static_cast<std::ptrdiff_t>(s * seeds);
            out.push_back(
                bootstrap_mean({first, first + static_cast<std::ptrdiff_t>(seeds)},
                               stream_of(plan.seed, Substream::kOrderIntervals, 2 * s + index)));
        }
        return out;
    };
    outcome.put(filled_orders(), {gather(settings, &PrioritySetting::name), intervals(accuracy, 0),
                                  intervals(margin, 1)});
}

}  // namespace prefdyn
