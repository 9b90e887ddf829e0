#include "theory/behaviours.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/base/numerics.hpp"

namespace prefdyn::theory {

namespace {

/// Sums over the rows of each behaviour.
struct Sums {
    Matrix plus, minus;      ///< of g by class (K, d)
    Vector n_plus, n_minus;  ///< (K)
    Vector square;           ///< of ||g||^2 (K)
};

Sums sum_rows(const Dataset& data) {
    const Index K = 1 + *std::max_element(data.behaviour.begin(), data.behaviour.end());
    const Index d = data.dimension();
    Sums out{Matrix::Zero(K, d), Matrix::Zero(K, d), Vector::Zero(K), Vector::Zero(K),
             Vector::Zero(K)};
    for (Index i = 0; i < data.samples(); ++i) {
        const auto row = static_cast<std::size_t>(i);
        const Index k = data.behaviour[row];
        const bool plus = data.label[row] > 0;
        (plus ? out.plus : out.minus).row(k) += data.features.row(i);
        (plus ? out.n_plus : out.n_minus)(k) += 1.0;
        out.square(k) += data.features.row(i).squaredNorm();
    }
    return out;
}

}  // namespace

BehaviourStatistics behaviour_statistics(const Dataset& data) {
    const Sums sums = sum_rows(data);
    const Vector rows = sums.n_plus + sums.n_minus;
    BehaviourStatistics out;
    out.weight = rows / static_cast<double>(data.samples());
    out.mean = rows.cwiseInverse().asDiagonal() * (sums.plus - sums.minus);
    // 0 / 0 = NaN marks an empty class.
    out.difference = sums.plus.array().colwise() / sums.n_plus.array() -
                     sums.minus.array().colwise() / sums.n_minus.array();
    out.mean_square = sums.square.cwiseQuotient(rows);
    out.mixture = out.mean.transpose() * out.weight;
    fill_priority(out);
    return out;
}

void fill_priority(BehaviourStatistics& s) {
    s.alignment = s.mean * s.mixture;
    const double length = s.mixture.norm();
    s.priority = length > 0.0 ? Vector(s.alignment / length)
                              : Vector(Vector::Constant(s.behaviours(), kNan));
}

double normalised_gap(const Vector& a, const Vector& b) {
    const Vector middle = 0.5 * (a + b);
    const double longest = std::max(a.norm(), b.norm()), length = middle.norm();
    if (!(length > 4.0 * kEpsilon * longest)) return kNan;
    return (middle.dot(a) - middle.dot(b)) / (length * longest);
}

double lead_time(const BehaviourStatistics& s, Index i, Index j, double kappa) {
    return 2.0 * (s.priority(i) - s.priority(j)) / (kappa * (s.mean.row(i) - s.mean.row(j)).norm());
}

}  // namespace prefdyn::theory
