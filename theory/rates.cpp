#include "theory/rates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace prefdyn::theory {

double initial_rate(const Evidence& evidence) {
    return std::sqrt(2.0) * evidence.training.beta *
           std::fabs(evidence.training.loss.slope_at_zero) * evidence.means().zbar_norm;
}

double smoothness(double beta, double curvature_max, double lambda_max) {
    return 2.0 * beta * beta * curvature_max * lambda_max;
}

double smoothness(const Evidence& evidence) {
    return smoothness(evidence.training.beta, evidence.training.loss.curvature_max,
                      evidence.statistics().lambda_max);
}

namespace {

double log_decay(const Evidence& evidence, const Record& record) {
    const double kappa = smoothness(evidence);
    if (evidence.training.dynamics == Dynamics::kGradientFlow) return -kappa * record.time;
    // eta = 1 / kappa computed in floating point may land just beyond it.
    const double shrink = std::max(-1.0, -evidence.training.eta * kappa);
    return record.step == 0.0 ? 0.0 : record.step * std::log1p(shrink);
}

}  // namespace

double decay_factor(const Evidence& evidence, const Record& record) {
    return std::exp(log_decay(evidence, record));
}

double decay_deficit(const Evidence& evidence, const Record& record) {
    return -std::expm1(2.0 * log_decay(evidence, record));
}

std::function<std::vector<Comparison>(const Evidence&)> after_start(
    std::function<Comparison(const Evidence&, const Record&)> make) {
    return [make = std::move(make)](const Evidence& evidence) {
        std::vector<Comparison> out;
        for (const Record& record : evidence.trajectory().records)
            if (record.time > 0.0) out.push_back(make(evidence, record));
        return out;
    };
}

double rate_rounding(const Evidence& evidence) {
    return 64.0 * std::numeric_limits<double>::epsilon() * std::sqrt(2.0) * evidence.training.beta *
           std::fabs(evidence.training.loss.slope_at_zero) *
           std::sqrt(evidence.statistics().mean_square);
}

double loss_rounding(const Evidence& evidence) {
    return 8.0 * std::numeric_limits<double>::epsilon() *
           std::sqrt(static_cast<double>(evidence.means().n)) *
           evidence.training.loss.value_at_zero;
}

}  // namespace prefdyn::theory
