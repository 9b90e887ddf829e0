#include "sim/head/recorder.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "sim/head/metrics.hpp"

namespace prefdyn {

namespace {

bool all_finite(std::initializer_list<double> values) {
    return std::ranges::all_of(values, [](double x) { return std::isfinite(x); });
}

}  // namespace

bool Recorder::record(const Vector& theta, double step, double time, double epoch,
                      const Passage& since) {
    if (!theta.allFinite()) return false;
    Responses responses;
    Vector direction;
    engine_.evaluate(theta, Split::kTrain, responses, &direction);
    Record row{};
    row.train = summarise(responses, loss_);
    row.behaviours = summarise_behaviours(responses, loss_, engine_.data(Split::kTrain).behaviour);
    row.observed = engine_.observe(theta);
    if (trajectory_.records.empty()) {
        start_ = theta;
        initial_direction_ = direction;
    }
    row.step = step;
    row.time = time;
    row.epoch = epoch;
    const HeadNorms change = engine_.change(theta);
    row.head_change = change.frobenius;
    row.head_change_spectral = change.spectral;
    row.update_rate = engine_.frobenius(direction);
    row.linear_remainder = engine_.frobenius(theta - start_ - time * initial_direction_);
    row.held_out = no_metrics();
    Responses fresh;
    if (engine_.data(Split::kHeldOut).samples() > 0) {
        engine_.evaluate(theta, Split::kHeldOut, fresh, nullptr);
        row.held_out = summarise(fresh, loss_);
        if (!all_finite({row.held_out.loss, row.held_out.rewards_margins})) return false;
    }
    // Norms and means may leave the range of double before theta and the rows' losses do.
    if (!all_finite({row.train.loss, row.train.rewards_margins, row.head_change,
                     row.head_change_spectral, row.update_rate, row.linear_remainder}))
        return false;
    row.error = errors_.at(row, responses, fresh, since);
    if (keep_.heads) row.theta = theta;
    if (keep_.margins) row.margin = std::move(responses.margin);
    if (keep_.log_probabilities) {
        row.logp_chosen = std::move(responses.logp_chosen);
        row.logp_rejected = std::move(responses.logp_rejected);
    }
    trajectory_.records.push_back(std::move(row));
    return true;
}

Trajectory Recorder::finish(StopReason stop, Vector theta) {
    trajectory_.stop = stop;
    trajectory_.parameters = std::move(theta);
    return std::move(trajectory_);
}

}  // namespace prefdyn
