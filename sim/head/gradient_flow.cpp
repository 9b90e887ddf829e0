#include "sim/head/gradient_flow.hpp"

#include <boost/numeric/odeint/stepper/controlled_runge_kutta.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_dopri5.hpp>
#include <limits>
#include <utility>

#include "sim/base/cancel.hpp"
#include "sim/base/numerics.hpp"
#include "sim/head/recorder.hpp"

namespace prefdyn {

namespace {

namespace odeint = boost::numeric::odeint;

using State = std::vector<double>;

struct Stopped {
    StopReason reason;
};

Vector as_vector(const State& x) {
    return Eigen::Map<const Vector>(x.data(), static_cast<Index>(x.size()));
}

constexpr double kStageRoundings = 16.0;  // of theta in a step: seven stages, weighted and added
constexpr int kTries = 500;               // of a step, before its size is called lost

/// odeint's checker, keeping the error estimate that it scales where it stands.
class WatchedChecker {
  public:
    using Algebra = odeint::range_algebra;
    using Checker = odeint::default_error_checker<double, Algebra, odeint::default_operations>;

    WatchedChecker(const Checker& checker, State& estimate)
        : checker_(checker), estimate_(&estimate) {}

    template <class Time>
    double error(Algebra& algebra, const State& old, const State& slope, State& error, Time dt) {
        *estimate_ = error;
        return checker_.error(algebra, old, slope, error, dt);
    }

  private:
    Checker checker_;
    State* estimate_;
};

using Controlled =
    odeint::controlled_runge_kutta<odeint::runge_kutta_dopri5<State>, WatchedChecker>;

struct FlowField {
    const PolicyEngine& engine;
    Vector* direction;
    void operator()(const State& x, State& dxdt, double) const {
        if (cancel_requested()) throw Stopped{StopReason::kInterrupted};
        engine.descend(as_vector(x), {}, *direction);
        std::copy(direction->begin(), direction->end(), dxdt.begin());
    }
};

/// theta along the flow, with what the integrator's steps have erred.
class Flow {
  public:
    Flow(const PolicyEngine& engine, double absolute, double relative, double first_step)
        : engine_(engine),
          field_{engine, &direction_},
          stepper_(WatchedChecker({absolute, relative}, estimate_)),
          step_(first_step) {
        const Vector start = engine.initial();
        x_.assign(start.begin(), start.end());
        next_ = next_slope_ = x_;
    }

    void advance(double from, double to) {
        if (slope_.empty() && to > from) {
            slope_ = x_;
            field_(x_, slope_, 0.0);
        }
        int tries = 0;
        while (to - from > 4.0 * kEpsilon * to) {
            double dt = std::min(step_, to - from);
            const double tried = dt;
            if (stepper_.try_step(field_, x_, slope_, from, next_, next_slope_, dt) ==
                odeint::success) {
                accept(tried);
                step_ = std::max(step_, dt);
                tries = 0;
            } else {
                if (++tries >= kTries) throw Stopped{StopReason::kStepUnderflow};
                step_ = dt;
            }
        }
    }

    Vector theta() const { return as_vector(x_); }
    /// Since the last call.
    Passage passage() { return std::exchange(passage_, {0.0, kStageRoundings}); }

  private:
    /// The distance of the fifth order, which is kept, from the fourth says how far a step errs
    /// only where the gradient hardly turns within it. Otherwise all that is known is that the
    /// gradient of a convex loss never grows along its flow: neither end is further than a straight
    /// step.
    void accept(double dt) {
        const Vector slope = as_vector(slope_), turned = as_vector(next_slope_) - slope;
        const bool resolved = turned.norm() <= 0.5 * slope.norm();
        passage_.integration_error += resolved
                                          ? engine_.frobenius(as_vector(estimate_))
                                          : dt * engine_.frobenius(slope) +
                                                engine_.frobenius(as_vector(next_) - as_vector(x_));
        passage_.updates += 1.0;
        x_.swap(next_);
        slope_.swap(next_slope_);
    }

    const PolicyEngine& engine_;
    Vector direction_;
    FlowField field_;
    State x_, slope_, next_, next_slope_, estimate_;
    Controlled stepper_;
    double step_;
    Passage passage_{0.0, kStageRoundings};
};

}  // namespace

Trajectory integrate_flow(const PolicyEngine& engine, const PreferenceLoss& loss,
                          const TrainSpec& spec) {
    const double end = spec.eta * static_cast<double>(spec.steps);
    const auto times = record_times(end, spec.records, spec.spacing);
    const Vector start = engine.initial();
    Vector direction;
    engine.descend(start, {}, direction);
    Recorder recorder(engine, loss, spec.keep);
    // Absolute tolerance: far below the size theta has reached at the first record after t = 0, but
    // not below what the gradient's own rounding makes of it where its terms cancel.
    const double scale =
        times[1] * direction.norm() / std::sqrt(static_cast<double>(start.size())) +
        std::numeric_limits<double>::min();
    const double absolute =
        std::max(1e-3 * spec.flow_tolerance * scale, 0.1 * times[1] * recorder.rounding_at_start());
    Vector theta = start;
    try {
        Flow flow(engine, absolute, spec.flow_tolerance, times[1]);
        double from = times.front();
        for (const double t : times) {
            flow.advance(from, t);
            from = t;
            theta = flow.theta();
            if (!recorder.record(theta, t / spec.eta, t, t / spec.eta, flow.passage()))
                return recorder.finish(StopReason::kDiverged, std::move(theta));
            if (spec.told) spec.told(static_cast<Index>(t / spec.eta));
        }
    } catch (const Stopped& stopped) {
        return recorder.finish(stopped.reason, std::move(theta));
    }
    return recorder.finish(StopReason::kCompleted, std::move(theta));
}

}  // namespace prefdyn
