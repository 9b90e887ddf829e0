#include "sim/tabular/tabular_rlhf.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>

#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

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
        converged = gradient.norm() <= kGradientTolerance;
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

/// values (A, K) less their mean under pi (A), summed as differences: where pi is all but certain
/// the likely response's own small value would be lost in the mean.
Matrix centred(const Vector& pi, const Matrix& values) {
    Matrix out = Matrix::Zero(values.rows(), values.cols());
    for (Index a = 0; a < pi.size(); ++a)
        for (Index b = 0; b < pi.size(); ++b) out.row(a) += pi(b) * (values.row(a) - values.row(b));
    return out;
}

/// Advantages q - E_pi q (P, A), q = r - beta log(pi / pi_ref).
RowMatrix advantages(const RlhfProblem& p, const RowMatrix& log_policy) {
    RowMatrix q = p.reward - p.beta * (log_policy - p.log_reference);
    for (Index x = 0; x < q.rows(); ++x)
        q.row(x) = centred(log_policy.row(x).array().exp(), q.row(x).transpose()).transpose();
    return q;
}

/// Features that move no policy taken out: theta - log pi_ref = basis x with the constant a prompt
/// removed, columns orthonormal. Decided here once, not by how singular a Fisher matrix looks.
Matrix policy_basis(const RlhfProblem& p) {
    const Index A = p.reward.cols();
    Matrix features = p.basis;
    for (Index x = 0; x < p.reward.rows(); ++x) {
        auto rows = features.middleRows(x * A, A);
        rows.rowwise() -= rows.colwise().mean().eval();
    }
    Eigen::ColPivHouseholderQR<Matrix> qr(features.rows(), features.cols());
    qr.setThreshold(1e-12).compute(features);
    return qr.householderQ() * Matrix::Identity(features.rows(), qr.rank());
}

Eigen::Map<const Vector> flat(const RowMatrix& m) { return {m.data(), m.size()}; }

RowMatrix as_logits(const Matrix& basis, const Vector& x, const RowMatrix& like) {
    const Vector v = basis * x;
    return Eigen::Map<const RowMatrix>(v.data(), like.rows(), like.cols());
}

/// F^+ dJ within the class, F the Fisher matrix of the weighted softmax policies: what remains of
/// the advantages after regression on the features, each response counting weight(x) pi(a | x).
/// Least squares sees the square root of F, and so its square root of F's condition.
RowMatrix natural_in_class(const RlhfProblem& p, const Matrix& basis, const RowMatrix& log_policy) {
    const Index A = log_policy.cols();
    const RowMatrix pi = log_policy.array().exp();
    const RowMatrix root = (p.weight.asDiagonal() * pi).cwiseSqrt();
    Matrix score(basis.rows(), basis.cols());
    for (Index x = 0; x < pi.rows(); ++x)
        score.middleRows(x * A, A) =
            root.row(x).asDiagonal() * centred(pi.row(x), basis.middleRows(x * A, A));
    const RowMatrix target = root.cwiseProduct(advantages(p, log_policy));
    return as_logits(basis, score.completeOrthogonalDecomposition().solve(flat(target)), pi);
}

/// Change of the logits for a unit step. Over all logits the natural gradient F^+ dJ of a softmax
/// row is its advantage, up to a constant, whatever its weight.
RowMatrix direction(const RlhfProblem& p, const Matrix& basis, const RowMatrix& log_policy,
                    Geometry geometry) {
    const bool all = p.basis.size() == 0;
    if (geometry == Geometry::kNatural)
        return all ? advantages(p, log_policy) : natural_in_class(p, basis, log_policy);
    const RowMatrix gradient = policy_gradient(p, log_policy);
    return all ? gradient : as_logits(basis, basis.transpose() * flat(gradient), gradient);
}

/// Halves the step while it overshoots: J falls by more than its rounding, or its slope along the
/// step, which is known where differences of J no longer are, turns by more than half.
RowMatrix climb(const RlhfProblem& p, const RowMatrix& from, const RowMatrix& along, double step) {
    const double before = regularised_reward(p, from);
    const double rounding = 1e-14 * (1.0 + std::fabs(before) + p.reward.cwiseAbs().maxCoeff());
    const double slope = policy_gradient(p, from).cwiseProduct(along).sum();
    for (double t = step;; t *= 0.5) {
        RowMatrix next = log_softmax(from + t * along);
        const bool rises = regularised_reward(p, next) >= before - rounding;
        const double turned = policy_gradient(p, next).cwiseProduct(along).sum();
        if ((rises && turned >= -0.5 * slope) || t < 1e-12 * step) return next;
    }
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
    out.curvature = kInfinity;
    double square = 0.0;
    for (Index x = 0; x < data.prompts(); ++x)
        fit_prompt(data.wins[static_cast<std::size_t>(x)], 1.0 / data.total(), x, out, square);
    out.gradient_norm = std::sqrt(square);
    return out;
}

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
    const Matrix basis = p.basis.size() > 0 ? policy_basis(p) : Matrix();
    Ascent out;
    out.log_policy = log_softmax(p.log_reference);
    while (out.iterations < spec.limit && !out.converged) {
        const RowMatrix along = direction(p, basis, out.log_policy, spec.geometry);
        out.converged = along.cwiseAbs().maxCoeff() <= spec.tolerance * scale;
        out.log_policy = climb(p, out.log_policy, along, spec.step / p.beta);
        ++out.iterations;
    }
    out.residual = direction(p, basis, out.log_policy, Geometry::kNatural).cwiseAbs().maxCoeff();
    return out;
}

}  // namespace prefdyn
