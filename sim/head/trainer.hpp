#pragma once
// Training a head: gradient descent, minibatch SGD, Adam, and the gradient flow they approximate.

#include <functional>

#include "sim/data/batches.hpp"
#include "sim/head/engine.hpp"
#include "sim/head/schedule.hpp"
#include "sim/head/trajectory.hpp"

namespace prefdyn {

enum class Method { kGradientDescent, kSgd, kAdam, kFlow };
inline std::vector<std::string> method_names() { return {"gd", "sgd", "adam", "flow"}; }

struct TrainSpec {
    Method method = Method::kGradientDescent;
    double eta = 0.1;   ///< learning rate; one update advances t by eta
    Index steps = 100;  ///< updates; the flow runs to t = eta * steps
    Index batch = 0;    ///< rows a step for SGD and Adam; 0 = all
    Sampling sampling = Sampling::kEpoch;
    Index records = 50;
    Spacing spacing = Spacing::kLinear;
    std::vector<Index> record_also = {};  ///< further steps a discrete method records
    Kept keep = {};
    double flow_tolerance = 1e-10;  ///< relative local error of the Runge-Kutta steps
    /// Told the updates made so far: after each one, of the flow at each record. May be empty.
    std::function<void(Index)> told = {};
};

/// One head to train; engine and loss must outlive it.
struct TrainJob {
    const PolicyEngine& engine;
    const PreferenceLoss& loss;
    TrainSpec spec;
    std::uint64_t seed;
};

/// Trains each from the reference head and records on the schedule. Never stops early unless the
/// state is no longer finite, cancel_requested(), or the flow's step size underflows. Engines on a
/// device take their updates at the same time.
std::vector<Trajectory> train_all(std::span<const TrainJob> jobs);

/// How many jobs of about `bytes` bytes train_all is best given at a time: 1 on the processor.
std::size_t jobs_at_a_time(double bytes, Device device);

Trajectory train(const PolicyEngine& engine, const PreferenceLoss& loss, const TrainSpec& spec,
                 std::uint64_t seed);

}  // namespace prefdyn
