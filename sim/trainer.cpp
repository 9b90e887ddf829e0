#include "sim/trainer.hpp"

#include <algorithm>
#include <memory>

#include "sim/cancel.hpp"
#include "sim/gradient_flow.hpp"
#include "sim/optimizer.hpp"
#include "sim/recorder.hpp"

namespace prefdyn {

const std::vector<std::string>& method_names() {
    static const std::vector<std::string> names = {"gd", "sgd", "adam", "flow"};
    return names;
}

namespace {

std::vector<Index> full_schedule(const TrainSpec& spec) {
    auto steps = record_steps(spec.steps, spec.records, spec.spacing);
    for (const Index step : spec.record_also)
        if (step < spec.steps) steps.push_back(step);
    std::sort(steps.begin(), steps.end());
    steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
    return steps;
}

Trajectory train_discrete(const PolicyEngine& engine, const PreferenceLoss& loss,
                          const TrainSpec& spec, std::uint64_t seed) {
    const Index n = engine.data(Split::kTrain).samples();
    const bool full = spec.method == Method::kGradientDescent || spec.batch == 0 || spec.batch >= n;
    const auto optimizer =
        spec.method == Method::kAdam ? make_adam(spec.eta) : make_descent(spec.eta);
    BatchSampler sampler(n, full ? n : spec.batch, spec.sampling, seed);
    Recorder recorder(engine, loss);
    Vector theta = engine.initial(), direction;
    double rows_seen = 0.0;
    const auto schedule = full_schedule(spec);
    auto next = schedule.begin();
    for (Index step = 0;; ++step) {
        if (step == *next) {
            const auto k = static_cast<double>(step);
            if (!recorder.record(theta, k, spec.eta * k, rows_seen / static_cast<double>(n)))
                return recorder.finish(StopReason::kDiverged, std::move(theta));
            ++next;
        }
        if (step == spec.steps) return recorder.finish(StopReason::kCompleted, std::move(theta));
        if (cancel_requested()) return recorder.finish(StopReason::kInterrupted, std::move(theta));
        const std::span<const Index> rows = full ? std::span<const Index>() : sampler.next();
        engine.descent(theta, rows, direction);
        optimizer->step(theta, direction);
        rows_seen += static_cast<double>(full ? n : static_cast<Index>(rows.size()));
    }
}

}  // namespace

Trajectory train(const PolicyEngine& engine, const PreferenceLoss& loss, const TrainSpec& spec,
                 std::uint64_t seed) {
    if (spec.method == Method::kFlow) return integrate_flow(engine, loss, spec);
    return train_discrete(engine, loss, spec, seed);
}

}  // namespace prefdyn
