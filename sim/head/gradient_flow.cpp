#include "sim/head/gradient_flow.hpp"

#include <boost/numeric/odeint/integrate/integrate_times.hpp>
#include <boost/numeric/odeint/stepper/controlled_runge_kutta.hpp>
#include <boost/numeric/odeint/stepper/generation.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_dopri5.hpp>
#include <limits>

#include "sim/base/cancel.hpp"
#include "sim/head/recorder.hpp"

namespace prefdyn {

namespace {

using State = std::vector<double>;

struct Stopped {
    StopReason reason;
};

Vector as_vector(const State& x) {
    return Eigen::Map<const Vector>(x.data(), static_cast<Index>(x.size()));
}

struct FlowField {
    const PolicyEngine& engine;
    Vector* direction;
    void operator()(const State& x, State& dxdt, double) const {
        if (cancel_requested()) throw Stopped{StopReason::kInterrupted};
        engine.descent(as_vector(x), {}, *direction);
        std::copy(direction->begin(), direction->end(), dxdt.begin());
    }
};

}  // namespace

Trajectory integrate_flow(const PolicyEngine& engine, const PreferenceLoss& loss,
                          const TrainSpec& spec) {
    namespace odeint = boost::numeric::odeint;
    const double end = spec.eta * static_cast<double>(spec.steps);
    const auto times = record_times(end, spec.records, spec.spacing);
    const Vector start = engine.initial();
    State x(start.begin(), start.end());
    Vector direction;
    engine.descent(start, {}, direction);
    // Absolute tolerance: far below the size theta has reached at the first record after t = 0.
    const double scale =
        times[1] * direction.norm() / std::sqrt(static_cast<double>(start.size())) +
        std::numeric_limits<double>::min();
    const double absolute =
        std::max(1e-3 * spec.flow_tolerance * scale, 0.1 * times[1] * spec.direction_rounding);
    auto stepper =
        odeint::make_controlled(absolute, spec.flow_tolerance, odeint::runge_kutta_dopri5<State>());
    Recorder recorder(engine, loss);
    const auto observe = [&](const State& state, double t) {
        if (!recorder.record(as_vector(state), t / spec.eta, t, t / spec.eta))
            throw Stopped{StopReason::kDiverged};
    };
    try {
        odeint::integrate_times(stepper, FlowField{engine, &direction}, x, times.begin(),
                                times.end(), times[1], observe);
    } catch (const Stopped& stopped) {
        return recorder.finish(stopped.reason, as_vector(x));
    } catch (const odeint::odeint_error&) {
        return recorder.finish(StopReason::kStepUnderflow, as_vector(x));
    }
    return recorder.finish(StopReason::kCompleted, as_vector(x));
}

}  // namespace prefdyn
