// Convex losses of the margin (and aot, whose phi is one of them).
#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/base/numerics.hpp"
#include "sim/loss/loss_makers.hpp"
#include "sim/loss/phi_loss.hpp"

namespace prefdyn {

namespace {

LossFacts with_slope_max(LossFacts facts, double slope_max) {
    facts.slope_max = slope_max;
    return facts;
}

double logistic_curvature(double m) { return sigmoid(m) * sigmoid(-m); }

/// sigmoid_norm divides log-ratios by response lengths, which are 1.
class SigmoidLoss final : public PhiLoss<SigmoidPhi> {
  public:
    explicit SigmoidLoss(std::string_view name) : PhiLoss(name, {}) {}
    double curvature(double m) const override { return logistic_curvature(m); }
    LossFacts facts() const override {
        return with_slope_max({std::log(2.0), -0.5, 0.0, 0.25, true}, 1.0);
    }
};

class HingeLoss final : public PhiLoss<HingePhi> {
  public:
    HingeLoss() : PhiLoss("hinge", {}) {}
    double curvature(double) const override { return 0.0; }
    LossFacts facts() const override {
        return with_slope_max({1.0, -1.0, 0.0, kInfinity, true}, 1.0);
    }
};

class IpoLoss final : public PhiLoss<IpoPhi> {
  public:
    explicit IpoLoss(double beta) : PhiLoss("ipo", {1.0 / (beta * beta)}) {}
    double curvature(double) const override { return 2.0 * phi_.scale; }
    LossFacts facts() const override {
        return {0.25 * phi_.scale, -phi_.scale, 0.0, 2.0 * phi_.scale, true, false};
    }
};

double entropy(double p) { return p == 0.0 ? 0.0 : -p * std::log(p) - (1.0 - p) * std::log1p(-p); }

/// cdpo; aot applies the same phi to margins matched by rank.
class SmoothedLoss final : public PhiLoss<SmoothedPhi> {
  public:
    SmoothedLoss(std::string_view name, double eps, LossForm form)
        : PhiLoss(name, {eps}), form_(form) {}
    double curvature(double m) const override { return logistic_curvature(m); }
    LossFacts facts() const override {
        return with_slope_max(
            {std::log(2.0), phi_.eps - 0.5, entropy(phi_.eps), 0.25, true, phi_.eps == 0.0, form_},
            std::max(phi_.eps, 1.0 - phi_.eps));
    }

  private:
    LossForm form_;
};

/// The line in phi makes the expectation over flipped labels that of the clean loss.
class RobustLoss final : public PhiLoss<RobustPhi> {
  public:
    explicit RobustLoss(double eps) : PhiLoss("robust", {eps / (1.0 - 2.0 * eps)}) {}
    double curvature(double m) const override { return logistic_curvature(m); }
    LossFacts facts() const override {
        return with_slope_max(
            {std::log(2.0), -0.5 - phi_.tilt, phi_.tilt > 0.0 ? -kInfinity : 0.0, 0.25, true},
            1.0 + phi_.tilt);
    }
};

}  // namespace

std::unique_ptr<MarginLoss> sigmoid_loss(const LossSpec&) {
    return std::make_unique<SigmoidLoss>("sigmoid");
}
std::unique_ptr<MarginLoss> sigmoid_norm_loss(const LossSpec&) {
    return std::make_unique<SigmoidLoss>("sigmoid_norm");
}
std::unique_ptr<MarginLoss> hinge_loss(const LossSpec&) { return std::make_unique<HingeLoss>(); }
std::unique_ptr<MarginLoss> ipo_loss(const LossSpec& spec) {
    return std::make_unique<IpoLoss>(spec.beta);
}
std::unique_ptr<MarginLoss> cdpo_loss(const LossSpec& spec) {
    return std::make_unique<SmoothedLoss>("cdpo", spec.label_smoothing, LossForm::kMargin);
}
std::unique_ptr<MarginLoss> aot_loss(const LossSpec& spec) {
    return std::make_unique<SmoothedLoss>("aot", spec.label_smoothing, LossForm::kSorted);
}
std::unique_ptr<MarginLoss> robust_loss(const LossSpec& spec) {
    return std::make_unique<RobustLoss>(spec.label_smoothing);
}

}  // namespace prefdyn
