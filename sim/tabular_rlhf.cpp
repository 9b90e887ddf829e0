#include "sim/tabular_rlhf.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/error.hpp"
#include "sim/numerics.hpp"

namespace prefdyn {

namespace {

constexpr double kTolerance = 1e-12;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int kMaxIterations = 200;

/// (1/N) sum wins(a, b) log sigma(r_a - r_b), N = 1 / scale.
double log_likelihood(const Matrix& wins, const Vector& r, double scale) {
    double sum = 0.0;
    for (Index a = 0; a < r.size(); ++a)
        for (Index b = 0; b < r.size(); ++b)
            if (wins(a, b) > 0.0) sum += scale * wins(a, b) * log_sigmoid(r(a) - r(b));
    return sum;
}

/// Wins observed less wins expected of every response.
Vector surplus(const Matrix& wins, const Vector& r, double scale) {
    Vector out = Vector::Zero(r.size());
    for (Index a = 0; a < r.size(); ++a)
        for (Index b = 0; b < r.size(); ++b)
            out(a) +=
                scale * (wins(a, b) * sigmoid(r(b) - r(a)) - wins(b, a) * sigmoid(r(a) - r(b)));
    return out;
}

/// Fisher information, restricted to the free responses.
Matrix information(const Matrix& wins, const Vector& r, double scale,
                   const std::vector<Index>& free) {
    Matrix full = Matrix::Zero(r.size(), r.size());
    for (Index a = 0; a < r.size(); ++a)
        for (Index b = 0; b < r.size(); ++b) {
            if (a == b) continue;
            full(a, b) =
                -scale * (wins(a, b) + wins(b, a)) * sigmoid(r(a) - r(b)) * sigmoid(r(b) - r(a));
            full(a, a) -= full(a, b);
        }
    return full(free, free);
}

std::vector<Index> free_responses(const Matrix& wins) {
    const auto root = components(wins);
    std::vector<Index> out;
    for (std::size_t a = 0; a < root.size(); ++a)
        if (root[a] != static_cast<Index>(a)) out.push_back(static_cast<Index>(a));
    return out;
}

/// Fisher scoring with the anchors held, backtracking while the likelihood falls.
void fit_prompt(const Matrix& wins, double scale, Index x, RewardFit& out, double& square) {
    const auto free = free_responses(wins);
    if (free.empty()) return;
    Vector r = out.reward.row(x).transpose();
    bool converged = false;
    for (int k = 0; k < kMaxIterations && !converged; ++k) {
        const Vector gradient = surplus(wins, r, scale)(free);
        converged = gradient.norm() <= kTolerance;
        const Vector step = information(wins, r, scale, free).ldlt().solve(gradient);
        const double gain = gradient.dot(step), before = log_likelihood(wins, r, scale);
        const Vector from = r;
        for (double t = 1.0; t > 1e-12; t *= 0.5) {
            r(free) = from(free) + t * step;
            if (gain <= 1e-10 * (1.0 - before)) break;
            if (log_likelihood(wins, r, scale) >= before + 0.1 * t * gain) break;
        }
    }
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(information(wins, r, scale, free),
                                                       Eigen::EigenvaluesOnly);
    out.curvature = std::min(out.curvature, solver.eigenvalues()(0));
    out.converged = out.converged && converged;
    out.reward.row(x) = r.transpose();
    square += surplus(wins, r, scale)(free).squaredNorm();
}

}  // namespace

RewardFit fit_reward(const Comparisons& data, const RowMatrix& start) {
    validate(data);
    if (start.rows() != data.prompts() || start.cols() != data.responses() || !start.allFinite())
        throw InputError("reward fit: the start must be (P, A) and finite");
    RewardFit out;
    out.existence = existence(data);
    out.reward = RowMatrix::Constant(start.rows(), start.cols(), kNan);
    out.gradient_norm = out.curvature = kNan;
    if (!out.existence.attained()) return out;
    out.reward = start;
    out.converged = true;
    out.curvature = std::numeric_limits<double>::infinity();
    double square = 0.0;
    for (Index x = 0; x < data.prompts(); ++x)
        fit_prompt(data.wins[static_cast<std::size_t>(x)], 1.0 / data.total(), x, out, square);
    out.gradient_norm = std::sqrt(square);
    return out;
}

namespace {

void validate(const RlhfProblem& p) {
    const Index P = p.reward.rows(), A = p.reward.cols();
    if (!(p.beta > 0.0) || !std::isfinite(p.beta))
        throw InputError("RLHF: beta = " + std::to_string(p.beta) + ", allowed: finite, > 0");
    if (P < 1 || A < 2 || !p.reward.allFinite())
        throw InputError("RLHF: the reward must be (P >= 1, A >= 2) and finite");
    if (p.log_reference.rows() != P || p.log_reference.cols() != A || !p.log_reference.allFinite())
        throw InputError("RLHF: log pi_ref must be (P, A) and finite");
    if (p.weight.size() != P || !(p.weight.array() >= 0.0).all())
        throw InputError("RLHF: the prompts' weights must be (P) and >= 0");
    if (p.basis.size() > 0 && (p.basis.rows() != P * A || !p.basis.allFinite()))
        throw InputError("RLHF: the basis of the policy class must be (P A, K) and finite");
}

/// Advantages q - E_pi q (P, A), q = r - beta log(pi / pi_ref).
RowMatrix advantages(const RlhfProblem& p, const RowMatrix& log_policy) {
    RowMatrix q = p.reward - p.beta * (log_policy - p.log_reference);
    const Vector mean = (log_policy.array().exp() * q.array()).rowwise().sum();
    q.colwise() -= mean;
    return q;
}

/// (B^T F B)^+ B^T gradient, F the Fisher matrix of the weighted softmax policies.
Vector natural_in_class(const RlhfProblem& p, const RowMatrix& pi, const RowMatrix& gradient) {
    const Index A = pi.cols(), K = p.basis.cols();
    Matrix fisher = Matrix::Zero(K, K);
    for (Index x = 0; x < pi.rows(); ++x) {
        const auto rows = p.basis.middleRows(x * A, A);
        const Vector probability = pi.row(x).transpose();
        const Vector mean = rows.transpose() * probability;
        fisher += p.weight(x) *
                  (rows.transpose() * probability.asDiagonal() * rows - mean * mean.transpose());
    }
    const Vector along =
        p.basis.transpose() * Eigen::Map<const Vector>(gradient.data(), gradient.size());
    return fisher.completeOrthogonalDecomposition().solve(along);
}

RowMatrix as_logits(const RlhfProblem& p, const Vector& x) {
    const Vector v = p.basis * x;
    return Eigen::Map<const RowMatrix>(v.data(), p.reward.rows(), p.reward.cols());
}

/// Change of the logits for a unit step. Over all logits the natural gradient F^+ dJ of a softmax
/// row is its advantage, up to a constant, whatever its weight.
RowMatrix direction(const RlhfProblem& p, const RowMatrix& log_policy, Geometry geometry) {
    const bool natural = geometry == Geometry::kNatural;
    if (natural && p.basis.size() == 0) return advantages(p, log_policy);
    const RowMatrix gradient = policy_gradient(p, log_policy);
    if (p.basis.size() == 0) return gradient;
    if (natural) return as_logits(p, natural_in_class(p, log_policy.array().exp(), gradient));
    return as_logits(
        p, p.basis.transpose() * Eigen::Map<const Vector>(gradient.data(), gradient.size()));
}

/// Halves the step while J falls by more than its rounding.
RowMatrix climb(const RlhfProblem& p, const RowMatrix& from, const RowMatrix& along, double step) {
    const double before = regularised_reward(p, from);
    const double rounding = 1e-14 * (1.0 + std::fabs(before) + p.reward.cwiseAbs().maxCoeff());
    for (double t = step;; t *= 0.5) {
        RowMatrix next = log_softmax(from + t * along);
        if (regularised_reward(p, next) >= before - rounding || t < 1e-12 * step) return next;
    }
}

}  // namespace

double regularised_reward(const RlhfProblem& p, const RowMatrix& theta) {
    const RowMatrix log_policy = log_softmax(theta);
    const RowMatrix q = p.reward - p.beta * (log_policy - p.log_reference);
    return p.weight.dot((log_policy.array().exp() * q.array()).rowwise().sum().matrix());
}

RowMatrix policy_gradient(const RlhfProblem& p, const RowMatrix& theta) {
    const RowMatrix log_policy = log_softmax(theta);
    return p.weight.asDiagonal() *
           (log_policy.array().exp() * advantages(p, log_policy).array()).matrix();
}

Ascent ascend(const RlhfProblem& p, const AscentSpec& spec) {
    validate(p);
    const double scale = std::max(p.reward.cwiseAbs().maxCoeff(), p.beta);
    Ascent out;
    out.log_policy = log_softmax(p.log_reference);
    while (out.iterations < spec.limit && !out.converged) {
        const RowMatrix along = direction(p, out.log_policy, spec.geometry);
        out.converged = along.cwiseAbs().maxCoeff() <= spec.tolerance * scale;
        out.log_policy = climb(p, out.log_policy, along, spec.step / p.beta);
        ++out.iterations;
    }
    out.residual = direction(p, out.log_policy, Geometry::kNatural).cwiseAbs().maxCoeff();
    return out;
}

}  // namespace prefdyn
