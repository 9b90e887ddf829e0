#include "sim/tabular/tabular_steps.hpp"

#include <cmath>
#include <string>

#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

void require(double value, Index count, const char* what) {
    if (!(value > 0.0) || !std::isfinite(value))
        throw InputError(std::string("DPO in steps: ") + what + " = " + std::to_string(value) +
                         ", must be positive");
    if (count < 1)
        throw InputError("DPO in steps: " + std::to_string(count) + " steps, at least 1 is needed");
}

RowMatrix slope(const DpoProblem& p, const RowMatrix& theta, double correction) {
    RowMatrix out = -dpo_gradient(p, theta);
    if (correction == 0.0) return out;
    const auto hessian = dpo_hessian(p, theta);
    for (Index x = 0; x < out.rows(); ++x)
        out.row(x) += 0.5 * correction * out.row(x) * hessian[static_cast<std::size_t>(x)];
    return out;
}

RowMatrix walked(const DpoProblem& p, double correction, double duration, Index steps) {
    const double h = duration / static_cast<double>(steps);
    RowMatrix theta = p.log_reference;
    for (Index k = 0; k < steps; ++k) {
        const RowMatrix k1 = slope(p, theta, correction);
        const RowMatrix k2 = slope(p, theta + 0.5 * h * k1, correction);
        const RowMatrix k3 = slope(p, theta + 0.5 * h * k2, correction);
        const RowMatrix k4 = slope(p, theta + h * k3, correction);
        theta += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
    }
    return theta;
}

}  // namespace

RowMatrix descended(const DpoProblem& problem, double step, Index count) {
    validate(problem);
    require(step, count, "step");
    RowMatrix theta = problem.log_reference;
    for (Index k = 0; k < count; ++k) theta -= step * dpo_gradient(problem, theta);
    return theta;
}

FlowEnd modified_flow(const DpoProblem& problem, double correction, double duration, Index steps) {
    validate(problem);
    require(duration, steps, "duration");
    if (!(correction >= 0.0) || !std::isfinite(correction))
        throw InputError("DPO in steps: correction = " + std::to_string(correction) +
                         ", must not be negative");
    FlowEnd out{walked(problem, correction, duration, 2 * steps), 0.0};
    out.error = (out.theta - walked(problem, correction, duration, steps)).norm();
    return out;
}

}  // namespace prefdyn
