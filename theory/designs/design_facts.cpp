#include "theory/designs/design_facts.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <cmath>

#include "sim/base/ball.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn::theory {

namespace {

double curvature(const TabularTask& task, Index a, Index b) {
    const double x = task.reward(a) - task.reward(b);
    return sigmoid(x) * sigmoid(-x);
}

/// The pseudo-inverse of a matrix whose null space is the constants: they are filled, then emptied.
Matrix pseudo_inverse(const Matrix& information) {
    const Index A = information.rows();
    const Matrix ones = Matrix::Constant(A, A, information.trace() / static_cast<double>(A * A));
    const Eigen::LLT<Matrix> factor(information + ones);
    if (factor.info() != Eigen::Success) return Matrix::Constant(A, A, kInfinity);
    return factor.solve(Matrix::Identity(A, A)) - Matrix::Constant(A, A, 1.0 / information.trace());
}

Matrix fisher(const Vector& pi) {
    Matrix out = -pi * pi.transpose();
    out.diagonal() += pi;
    return out;
}

}  // namespace

void validate(const TabularTask& task) {
    std::string problems;
    const auto require = [&](bool met, const std::string& what) {
        if (!met) problems.append(problems.empty() ? "" : "\n").append("design: ").append(what);
    };
    const Index A = task.reward.size();
    require(A >= 2, std::to_string(A) + " responses, a comparison needs at least 2");
    require(task.reward.allFinite(), "a reward is not finite");
    const bool fits = task.reference.size() == A && A > 0;
    require(fits, "the reference has " + std::to_string(task.reference.size()) + " responses, " +
                      std::to_string(A) + " have rewards");
    if (fits)
        require((task.reference.array() > 0.0).all() &&
                    std::fabs(task.reference.sum() - 1.0) <= gamma_of(static_cast<double>(4 * A)),
                "the reference must be positive everywhere and sum to 1");
    require(task.beta > 0.0 && std::isfinite(task.beta),
            "beta = " + std::to_string(task.beta) + ", must be positive");
    if (!problems.empty()) throw InputError(problems);
}

Vector optimal_policy(const TabularTask& task) {
    const Vector logit = task.reference.array().log() + task.reward.array() / task.beta;
    const Vector weight = (logit.array() - logit.maxCoeff()).exp();
    return weight / weight.sum();
}

Matrix information_of(const TabularTask& task, const Matrix& pair) {
    const Index A = task.reward.size();
    Matrix out = Matrix::Zero(A, A);
    for (Index a = 0; a < A; ++a)
        for (Index b = 0; b < a; ++b) {
            const double weight = (pair(a, b) + pair(b, a)) * curvature(task, a, b);
            out(a, a) += weight;
            out(b, b) += weight;
            out(a, b) -= weight;
            out(b, a) -= weight;
        }
    return out;
}

double design_cost(const TabularTask& task, const Matrix& pair) {
    const Matrix inverse = pseudo_inverse(information_of(task, pair));
    const double trace = fisher(optimal_policy(task)).cwiseProduct(inverse).sum();
    return std::isnan(trace) ? kInfinity : trace / (2.0 * task.beta * task.beta);
}

Matrix savings(const TabularTask& task, const Matrix& pair) {
    const Index A = task.reward.size();
    const Matrix inverse = pseudo_inverse(information_of(task, pair));
    const Matrix inner = inverse * fisher(optimal_policy(task)) * inverse;
    Matrix out = Matrix::Zero(A, A);
    for (Index a = 0; a < A; ++a)
        for (Index b = 0; b < A; ++b)
            if (a != b)
                out(a, b) = curvature(task, a, b) *
                            (inner(a, a) + inner(b, b) - inner(a, b) - inner(b, a)) /
                            (2.0 * task.beta * task.beta);
    return out;
}

Matrix best_pairs(const TabularTask& task, int iterations) {
    const Index A = task.reward.size();
    Matrix pair = Matrix::Constant(A, A, 1.0 / static_cast<double>(A * (A - 1)));
    pair.diagonal().setZero();
    for (int k = 0; k < iterations; ++k) {
        pair = pair.cwiseProduct(savings(task, pair).cwiseMax(0.0).cwiseSqrt()).eval();
        pair /= pair.sum();
    }
    return pair;
}

double least_cost(const TabularTask& task, const Matrix& pair) {
    const double cost = design_cost(task, pair);
    return cost * cost / savings(task, pair).maxCoeff();
}

Spectrum spectrum_of(const TabularTask& task, const Matrix& pair) {
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(information_of(task, pair),
                                                       Eigen::EigenvaluesOnly);
    const Vector& values = solver.eigenvalues();
    return {values(1), values(values.size() - 1)};
}

double fisher_trace(const TabularTask& task) { return 1.0 - optimal_policy(task).squaredNorm(); }

}  // namespace prefdyn::theory
