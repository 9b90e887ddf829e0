#include "sim/clusters/unseen_training.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>

#include "sim/base/numerics.hpp"
#include "sim/base/stream.hpp"
#include "sim/data/noise.hpp"

namespace prefdyn {

TokenHead::TokenHead(Index tokens, Index dimension, double beta, std::uint64_t seed)
    : head_(tokens, dimension), beta_(beta) {
    Stream stream(seed, Purpose::kReferenceHead);
    fill_noise(NoiseSpec{}, stream, head_.data(), head_.size());
    start_ = head_;
}

Vector TokenHead::margins(const RowMatrix& prompt, const std::vector<TokenPair>& pairs) const {
    const RowMatrix moved = head_ - start_;
    Vector out(prompt.rows());
    for (Index i = 0; i < out.size(); ++i) {
        const TokenPair pair = pairs[static_cast<std::size_t>(i)];
        out(i) = beta_ * (moved.row(pair.first) - moved.row(pair.second)).dot(prompt.row(i));
    }
    return out;
}

void TokenHead::step(const RowMatrix& prompt, const std::vector<TokenPair>& pairs, double eta) {
    const Vector m = margins(prompt, pairs);
    const double share = eta * beta_ / static_cast<double>(m.size());
    for (Index i = 0; i < m.size(); ++i) {
        const TokenPair pair = pairs[static_cast<std::size_t>(i)];
        const double weight = share * sigmoid(-m(i));
        head_.row(pair.first) += weight * prompt.row(i);
        head_.row(pair.second) -= weight * prompt.row(i);
    }
}

void TokenHead::tie(Index from, Index to) {
    head_.row(to) = start_.row(to) + (head_.row(from) - start_.row(from));
}

RewardModel::RewardModel(const RowMatrix& gaps) : gaps_(gaps), weights_(Vector::Zero(gaps.cols())) {
    const Matrix gram = gaps.transpose() * gaps / static_cast<double>(gaps.rows());
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(gram, Eigen::EigenvaluesOnly);
    kappa_ = 0.25 * solver.eigenvalues().maxCoeff();
}

void RewardModel::step(double eta) {
    Vector slope = gaps_ * weights_;
    for (double& m : slope) m = sigmoid(-m);
    weights_ += eta / static_cast<double>(gaps_.rows()) * (gaps_.transpose() * slope);
}

double RewardModel::loss() const {
    const Vector m = gaps_ * weights_;
    CompensatedSum sum;
    for (const double margin : m) sum += softplus(-margin);
    return sum.value() / static_cast<double>(m.size());
}

MarginRange largest_margin(const RowMatrix& gaps, int iterations) {
    Vector v = gaps.colwise().mean().transpose();
    MarginRange out{-kInfinity, v.norm()};
    for (int k = 0; k < iterations; ++k) {
        const Vector along = gaps * v;
        Index worst = 0;
        const double least = along.minCoeff(&worst);
        out.low = std::max(out.low, least / v.norm());
        out.high = std::min(out.high, v.norm());
        const Vector step = gaps.row(worst).transpose() - v;
        const double t = -v.dot(step) / step.squaredNorm();
        if (!(t > 0.0)) break;
        v += std::min(1.0, t) * step;
    }
    return out;
}

}  // namespace prefdyn
