#include "theory/clusters/cluster_facts.hpp"

#include <cmath>

#include "sim/base/numerics.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

double path_end(const ClusterSpec& spec, double beta) {
    return static_cast<double>(spec.clusters()) * std::log(3.0) / (5.0 * beta * beta);
}

ClusterFacts cluster_facts(const ClusterSpec& spec, const RowMatrix& z, double beta) {
    ClusterFacts out;
    out.spec = spec;
    out.beta = beta;
    out.length = z.rowwise().norm();
    const Index K = spec.clusters(), rows = 2 * spec.samples;
    const double n = static_cast<double>(spec.size());
    RowMatrix mean(K, z.cols());
    out.kappa = out.start_rate = Vector::Zero(K);
    for (Index k = 0; k < K; ++k) {
        const RowMatrix block = z.middleRows(k * rows, rows);
        mean.row(k) = block.colwise().sum() / n;
        out.kappa(k) = smoothness(beta, 0.25, gram_norm(block, n));
        out.start_rate(k) = 0.5 * beta * mean.row(k).norm();
    }
    const RowMatrix start = 0.5 * beta * (pair_gram(spec.pairs) * mean);
    out.slope.resize(spec.size());
    for (Index k = 0; k < K; ++k)
        out.slope.segment(k * rows, rows) =
            beta * (z.middleRows(k * rows, rows) * start.row(k).transpose());
    return out;
}

double margin_slope(const RowMatrix& z, const Matrix& gram, double beta, const Vector& margin,
                    Index j) {
    const Index rows = z.rows() / gram.rows();
    CompensatedSum sum;
    for (Index i = 0; i < z.rows(); ++i)
        if (const double tied = gram(j / rows, i / rows); tied != 0.0)
            sum += sigmoid(-margin(i)) * tied * z.row(j).dot(z.row(i));
    return beta * beta / static_cast<double>(z.rows()) * sum.value();
}

double cluster_risk(const ClusterSpec& spec, const RowMatrix& a) {
    CompensatedSum sum;
    for (Index k = 0; k < spec.clusters(); ++k) {
        const double spread = spec.spread * a.row(k).norm();
        for (const double side : {1.0, -1.0})
            sum += normal_cdf(-(a(k, k) + side * spec.offset * a(k, spec.clusters())) / spread);
    }
    return sum.value() / (2.0 * static_cast<double>(spec.clusters()));
}

double path_failure(const ClusterSpec& spec) {
    const double Q = static_cast<double>(spec.samples);
    return 8.0 * static_cast<double>(spec.clusters()) * std::pow(Q, 2.25) *
           std::exp(-std::pow(Q, 0.75) / 256.0);
}

double risk_bound(const ClusterSpec& spec) {
    const double Q = static_cast<double>(spec.samples);
    return 2.0 * static_cast<double>(spec.clusters()) * Q * Q * std::exp(-Q / 45.0);
}

}  // namespace prefdyn::theory
