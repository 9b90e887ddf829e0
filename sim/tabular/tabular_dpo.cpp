#include "sim/tabular/tabular_dpo.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>

#include "sim/base/failure.hpp"
#include "sim/base/newton.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

using Row = Eigen::Ref<const Eigen::RowVectorXd>;

/// One prompt: v (A) are the log ratios theta - log pi_ref, wins (A, A), scale = 1 / N.
Expansion expand(const Matrix& wins, const Eigen::RowVectorXd& v, double beta, double scale) {
    const Index A = wins.rows();
    Expansion out{0.0, Vector::Zero(A), Matrix::Zero(A, A)};
    for (Index a = 0; a < A; ++a)
        for (Index b = 0; b < a; ++b) {
            const double won = scale * wins(a, b), lost = scale * wins(b, a);
            if (!(won + lost > 0.0)) continue;
            const double m = beta * (v(a) - v(b));
            const double up = sigmoid(-m), down = sigmoid(m);
            out.value += won * softplus(-m) + lost * softplus(m);
            const double slope = beta * (lost * down - won * up);
            const double curvature = beta * beta * (won + lost) * up * down;
            out.gradient(a) += slope;
            out.gradient(b) -= slope;
            out.hessian(a, a) += curvature;
            out.hessian(b, b) += curvature;
            out.hessian(a, b) -= curvature;
            out.hessian(b, a) -= curvature;
        }
    return out;
}

Expansion expand(const DpoProblem& p, const RowMatrix& theta, Index x, double scale) {
    return expand(p.data.wins[static_cast<std::size_t>(x)], theta.row(x) - p.log_reference.row(x),
                  p.beta, scale);
}

DpoSolution start(const DpoProblem& p) {
    validate(p);
    DpoSolution out;
    out.existence = existence(p.data);
    out.log_policy = RowMatrix::Constant(p.log_reference.rows(), p.log_reference.cols(), kNan);
    out.gradient_norm = out.curvature = kNan;
    return out;
}

void solve_all_logits(const DpoProblem& p, DpoSolution& out) {
    const double scale = 1.0 / p.data.total();
    double square = 0.0;
    out.curvature = kInfinity;
    out.converged = true;
    for (Index x = 0; x < p.data.prompts(); ++x) {
        const Matrix& wins = p.data.wins[static_cast<std::size_t>(x)];
        const auto f = [&](const Vector& v) { return expand(wins, v.transpose(), p.beta, scale); };
        const NewtonResult r = newton(f, Vector::Zero(wins.rows()), kGradientTolerance);
        out.log_policy.row(x) = p.log_reference.row(x) + r.x.transpose();
        square += r.gradient_norm * r.gradient_norm;
        out.curvature = std::min(out.curvature, r.curvature);
        out.iterations += r.iterations;
        out.converged = out.converged && r.converged;
    }
    out.gradient_norm = std::sqrt(square);
}

/// The same over theta = log pi_ref + B x.
void solve_in_class(const DpoProblem& p, DpoSolution& out) {
    const double scale = 1.0 / p.data.total();
    const Index A = p.data.responses();
    const auto f = [&](const Vector& x) {
        const Vector v = p.basis * x;
        Expansion all{0.0, Vector::Zero(x.size()), Matrix::Zero(x.size(), x.size())};
        for (Index k = 0; k < p.data.prompts(); ++k) {
            const auto rows = p.basis.middleRows(k * A, A);
            const Expansion one = expand(p.data.wins[static_cast<std::size_t>(k)],
                                         v.segment(k * A, A).transpose(), p.beta, scale);
            all.value += one.value;
            all.gradient += rows.transpose() * one.gradient;
            all.hessian += rows.transpose() * one.hessian * rows;
        }
        return all;
    };
    const NewtonResult r = newton(f, Vector::Zero(p.basis.cols()), kGradientTolerance);
    const Vector v = p.basis * r.x;
    out.log_policy = p.log_reference + Eigen::Map<const RowMatrix>(v.data(), p.data.prompts(), A);
    out.gradient_norm = r.gradient_norm;
    out.curvature = r.curvature;
    out.iterations = r.iterations;
    out.converged = r.converged;
}

/// sup of the largest eigenvalue of the Hessian: every sigma' is at most 1/4.
double smoothness(const DpoProblem& p) {
    double largest = 0.0;
    for (const Matrix& wins : p.data.wins) {
        Matrix laplacian = -(wins + wins.transpose());
        laplacian.diagonal() -= laplacian.rowwise().sum();
        const Eigen::SelfAdjointEigenSolver<Matrix> solver(laplacian, Eigen::EigenvaluesOnly);
        largest = std::max(largest, solver.eigenvalues().maxCoeff());
    }
    return 0.25 * p.beta * p.beta * largest / p.data.total();
}

}  // namespace

void validate(const DpoProblem& p) {
    validate(p.data);
    const Index P = p.data.prompts(), A = p.data.responses();
    if (!(p.beta > 0.0) || !std::isfinite(p.beta))
        throw InputError("DPO: beta = " + std::to_string(p.beta) + ", allowed: finite, > 0");
    if (p.log_reference.rows() != P || p.log_reference.cols() != A || !p.log_reference.allFinite())
        throw InputError("DPO: log pi_ref must be (P, A) and finite",
                         "a reference without full support needs a floor");
    if (p.basis.size() > 0 && (p.basis.rows() != P * A || !p.basis.allFinite()))
        throw InputError("DPO: the basis of the policy class must be (P A, K) and finite");
}

double dpo_loss(const DpoProblem& p, const RowMatrix& theta) {
    double sum = 0.0;
    for (Index x = 0; x < p.data.prompts(); ++x)
        sum += expand(p, theta, x, 1.0 / p.data.total()).value;
    return sum;
}

RowMatrix dpo_gradient(const DpoProblem& p, const RowMatrix& theta) {
    RowMatrix out(theta.rows(), theta.cols());
    for (Index x = 0; x < p.data.prompts(); ++x)
        out.row(x) = expand(p, theta, x, 1.0 / p.data.total()).gradient.transpose();
    return out;
}

std::vector<Matrix> dpo_hessian(const DpoProblem& p, const RowMatrix& theta) {
    std::vector<Matrix> out;
    for (Index x = 0; x < p.data.prompts(); ++x)
        out.push_back(expand(p, theta, x, 1.0 / p.data.total()).hessian);
    return out;
}

DpoSolution solve_dpo(const DpoProblem& problem) {
    DpoSolution out = start(problem);
    if (!out.existence.attained()) return out;
    if (problem.basis.size() == 0)
        solve_all_logits(problem, out);
    else
        solve_in_class(problem, out);
    out.log_policy = log_softmax(out.log_policy);
    return out;
}

DpoSolution descend_dpo(const DpoProblem& problem, double tolerance, Index limit) {
    DpoSolution out = start(problem);
    const double eta = 1.0 / smoothness(problem);
    RowMatrix theta = problem.log_reference;
    RowMatrix gradient = dpo_gradient(problem, theta);
    while (gradient.norm() > tolerance && out.iterations < limit) {
        theta -= eta * gradient;
        gradient = dpo_gradient(problem, theta);
        ++out.iterations;
    }
    out.gradient_norm = gradient.norm();
    out.converged = out.gradient_norm <= tolerance;
    out.log_policy = log_softmax(theta);
    return out;
}

}  // namespace prefdyn
