#include "sim/base/newton.hpp"

#include <Eigen/Eigenvalues>

#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

constexpr int kMaxIterations = 200;
constexpr double kKernel = 1e-12;  ///< eigenvalues below this share of the largest are zero

struct Step {
    Vector direction;  ///< - H^+ gradient
    double decrement;  ///< gradient^T H^+ gradient
    double curvature;
};

Step newton_step(const Expansion& f) {
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(f.hessian);
    const Vector& lambda = solver.eigenvalues();
    const Vector along = solver.eigenvectors().transpose() * f.gradient;
    Vector step = Vector::Zero(lambda.size());
    Step out{{}, 0.0, kInfinity};
    for (Index k = 0; k < lambda.size(); ++k) {
        if (!(lambda(k) > kKernel * lambda(lambda.size() - 1))) continue;
        step(k) = -along(k) / lambda(k);
        out.decrement -= along(k) * step(k);
        out.curvature = std::min(out.curvature, lambda(k));
    }
    out.direction = solver.eigenvectors() * step;
    return out;
}

/// Halves the step until the decrease is a tenth of the predicted one; near the optimum, where a
/// decrease would drown in rounding, the full step is right.
Expansion line_search(const std::function<Expansion(const Vector&)>& function, const Expansion& f,
                      const Step& step, Vector& x) {
    const bool local = step.decrement <= 1e-10 * (1.0 + std::fabs(f.value));
    for (double t = 1.0;; t *= 0.5) {
        const Vector y = x + t * step.direction;
        Expansion next = function(y);
        if (local || next.value <= f.value - 0.1 * t * step.decrement || t < 1e-12) {
            x = y;
            return next;
        }
    }
}

}  // namespace

NewtonResult newton(const std::function<Expansion(const Vector&)>& function, Vector x,
                    double tolerance) {
    NewtonResult out;
    Expansion f = function(x);
    while (!out.converged && out.iterations < kMaxIterations) {
        out.converged = f.gradient.norm() <= tolerance;
        const Step step = newton_step(f);
        out.curvature = step.curvature;
        f = line_search(function, f, step, x);
        ++out.iterations;
    }
    out.gradient_norm = f.gradient.norm();
    out.x = std::move(x);
    return out;
}

}  // namespace prefdyn
