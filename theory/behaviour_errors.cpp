#include "theory/behaviour_errors.hpp"

#include <cmath>

namespace prefdyn::theory {

double margin_scale(const Evidence& e) {
    return -2.0 * e.training.beta * e.training.beta * e.training.loss.slope_at_zero;
}

double product_error(const Evidence& e, double length, double square) {
    const DatasetStatistics& s = e.statistics();
    return gamma_of(static_cast<double>(s.n + s.zbar.size()) + 16.0) *
           (std::sqrt(s.mean_square) * length +
            e.get<BehaviourStatistics>().mixture.norm() * std::sqrt(square));
}

double slope_error(const Evidence& e, Index k) {
    const BehaviourStatistics& b = e.get<BehaviourStatistics>();
    return std::fabs(margin_scale(e)) * product_error(e, b.mean.row(k).norm(), b.mean_square(k));
}

}  // namespace prefdyn::theory
