#include "sim/clusters/pair_heads.hpp"

#include "sim/base/numerics.hpp"

namespace prefdyn {

PairHeads::PairHeads(const RowMatrix& z, const std::vector<TokenPair>& pairs, double beta)
    : z_(z),
      gram_(pair_gram(pairs)),
      beta_(beta),
      clusters_(static_cast<Index>(pairs.size())),
      rows_(z.rows() / clusters_) {}

Vector PairHeads::margins(const RowMatrix& a) const {
    Vector out(z_.rows());
    for (Index k = 0; k < clusters_; ++k)
        out.segment(k * rows_, rows_).noalias() =
            beta_ * (z_.middleRows(k * rows_, rows_) * a.row(k).transpose());
    return out;
}

RowMatrix PairHeads::slope(const RowMatrix& a) const {
    RowMatrix pull(clusters_, z_.cols());
#pragma omp parallel for schedule(static)
    for (Index k = 0; k < clusters_; ++k) {
        const auto block = z_.middleRows(k * rows_, rows_);
        Vector weight = beta_ * (block * a.row(k).transpose());
        weight = weight.unaryExpr([](double m) { return sigmoid(-m); });
        pull.row(k).noalias() = weight.transpose() * block;
    }
    return (beta_ / static_cast<double>(z_.rows())) * (gram_ * pull);
}

RowMatrix PairHeads::walked(RowMatrix a, double duration, int steps) const {
    const double h = duration / steps;
    for (int k = 0; k < steps; ++k) {
        const RowMatrix k1 = slope(a), k2 = slope(a + 0.5 * h * k1), k3 = slope(a + 0.5 * h * k2),
                        k4 = slope(a + h * k3);
        a += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
    }
    return a;
}

PairHeads::Flow PairHeads::flow(const RowMatrix& start, double duration, int steps) const {
    Flow out{walked(start, duration, 2 * steps), 0.0};
    out.error = (out.a - walked(start, duration, steps)).norm();
    return out;
}

}  // namespace prefdyn
