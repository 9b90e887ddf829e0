#include "theory/assumptions.hpp"

#include <cmath>
#include <sstream>

#include "theory/rates.hpp"

namespace prefdyn::theory {

Assumption has_trajectory() {
    return {"a recorded trajectory", [](const Evidence& e) -> std::string {
                const Trajectory* run = e.find<Trajectory>();
                const bool present = run && e.find<DatasetStatistics>() && !run->records.empty();
                return present ? "" : "no trajectory was recorded";
            }};
}

Assumption starts_at_reference() {
    return {"training starts at the reference head", [](const Evidence& e) -> std::string {
                return e.training.from_reference ? ""
                                                 : "training did not start at the reference head";
            }};
}

namespace {

/// Along a kink the recorded gradient is one subgradient of many, and only the shortest one falls.
std::string why_not_smooth(const LossFacts& loss) {
    if (loss.form == LossForm::kPair) return "the loss is not a function of the margin";
    if (loss.form == LossForm::kSorted) return "the loss matches margins over the batch";
    return std::isfinite(loss.curvature_max) ? "" : "the loss has a kink, kappa is infinite";
}

}  // namespace

Assumption smooth_loss() {
    return {"phi is a smooth function of the margin",
            [](const Evidence& e) { return why_not_smooth(e.training.loss); }};
}

Assumption convex_loss() {
    return {"phi is a smooth convex function of the margin", [](const Evidence& e) -> std::string {
                const std::string reason = why_not_smooth(e.training.loss);
                if (!reason.empty()) return reason;
                return e.training.loss.convex ? "" : "the loss is not convex";
            }};
}

Assumption loss_falls_at_zero() {
    return {"phi'(0) < 0", [](const Evidence& e) -> std::string {
                return e.training.loss.slope_at_zero < 0.0 ? "" : "the loss does not fall at 0";
            }};
}

Assumption opposite_slopes() {
    return {"the slopes of phi in r_w and r_l are opposite at zero",
            [](const Evidence& e) -> std::string {
                return e.training.loss.slope_sum_at_zero == 0.0
                           ? ""
                           : "the slopes in r_w and r_l do not cancel at zero";
            }};
}

Assumption full_gradient(double limit) {
    std::ostringstream text;
    text << "gradient flow, or full-batch gradient descent with eta <= " << limit << " / kappa";
    return {text.str(), [limit](const Evidence& e) -> std::string {
                if (e.training.dynamics == Dynamics::kGradientFlow) return "";
                if (e.training.dynamics == Dynamics::kStochastic) return "minibatch gradients";
                if (e.training.dynamics == Dynamics::kAdaptive)
                    return "Adam is not gradient descent";
                if (e.training.dynamics == Dynamics::kTransformer)
                    return "a transformer was trained, not a head on frozen features";
                const Ball ratio = step_curvature(e);
                if (ratio.low() <= limit) return "";
                std::ostringstream reason;
                reason << "eta * kappa = " << ratio.value << " > " << limit;
                return reason.str();
            }};
}

Assumption known_population() {
    return {"the population moments are known", [](const Evidence& e) -> std::string {
                return e.population ? "" : "the population is unknown";
            }};
}

Assumption finite_covariance() {
    return {"features have a finite covariance", [](const Evidence& e) -> std::string {
                return e.population->finite_covariance ? "" : "the covariance is infinite";
            }};
}

Assumption gaussian_features() {
    return {"features are Gaussian within each class", [](const Evidence& e) -> std::string {
                return e.population->gaussian ? "" : "the features are not Gaussian";
            }};
}

Assumption independent_samples() {
    return {"samples are independent", [](const Evidence& e) -> std::string {
                return e.population->independent ? "" : "the samples are not independent";
            }};
}

}  // namespace prefdyn::theory
