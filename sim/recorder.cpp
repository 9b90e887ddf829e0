#include "sim/recorder.hpp"

#include "sim/metrics.hpp"

namespace prefdyn {

bool Recorder::record(const Vector& theta, double step, double time, double epoch) {
    if (!theta.allFinite()) return false;
    Responses responses;
    Vector direction;
    engine_.evaluate(theta, Split::kTrain, responses, &direction);
    Record row{};
    row.train = summarise(responses, loss_);
    row.behaviours = summarise_behaviours(responses, loss_, engine_.data(Split::kTrain).behaviour);
    row.observed = engine_.observe(theta);
    if (!std::isfinite(row.train.loss) || !direction.allFinite()) return false;
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
    if (engine_.data(Split::kHeldOut).samples() > 0) {
        engine_.evaluate(theta, Split::kHeldOut, responses, nullptr);
        row.held_out = summarise(responses, loss_);
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
