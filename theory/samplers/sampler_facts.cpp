#include "theory/samplers/sampler_facts.hpp"

#include <Eigen/Eigenvalues>

#include "sim/base/numerics.hpp"

namespace prefdyn::theory {

namespace {

Ball power(const Ball& base, int exponent) {
    Ball out(1.0);
    for (int k = 0; k < exponent; ++k) out = out * base;
    return out;
}

/// A decimal fraction, to the rounding of its nearest double.
Ball decimal(double value) { return ball::rounded(value, 0.0); }

}  // namespace

RewardCurvature reward_curvature(const Vector& reward) {
    const Index A = reward.size();
    Matrix laplacian = Matrix::Zero(A, A);
    for (Index a = 0; a < A; ++a)
        for (Index b = 0; b < A; ++b) {
            if (a == b) continue;
            const double x = reward(a) - reward(b), slope = sigmoid(x) * sigmoid(-x);
            laplacian(a, a) += slope;
            laplacian(a, b) -= slope;
        }
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(laplacian);
    return {solver.eigenvalues(), solver.eigenvectors()};
}

double best_linear_rate(const RewardCurvature& curvature) {
    const double least = curvature.value(1), largest = curvature.value(curvature.value.size() - 1);
    return (largest - least) / (largest + least);
}

Ball left_by_uniform(double range, int updates) {
    const Ball R(range), above = Ball(1.0) / (Ball(1.0) + exp(-R)) - Ball(0.5);
    return power(Ball(1.0) - Ball(4.0) * above / R, updates) * R;
}

Ball sampler_bound(PairSampler sampler, int updates) {
    if (sampler == PairSampler::kUniform) return power(decimal(0.588), updates);
    const Ball base = sampler == PairSampler::kMixReward ? Ball(0.5) : decimal(0.611);
    Ball out(1.0);
    for (int t = 0; t < updates; ++t) out = out * out * base;
    return out;
}

}  // namespace prefdyn::theory
