// Convex losses of the margin (and aot, whose phi is one of them).
#include <cmath>
#include <limits>

#include "sim/loss_makers.hpp"
#include "sim/numerics.hpp"

namespace prefdyn {

namespace {

/// DPO: phi(m) = -log sigma(m). sigmoid_norm divides log-ratios by response lengths, which are 1.
class SigmoidLoss final : public MarginLoss {
  public:
    explicit SigmoidLoss(std::string_view name) : name_(name) {}
    std::string_view name() const override { return name_; }
    double value(double m) const override { return softplus(-m); }
    double derivative(double m) const override { return -sigmoid(-m); }
    double curvature(double m) const override { return sigmoid(m) * sigmoid(-m); }
    LossFacts facts() const override { return {std::log(2.0), -0.5, 0.0, 0.25, true}; }

  private:
    std::string_view name_;
};

/// SLiC: phi(m) = max(0, 1 - m), phi'(1) = 0.
class HingeLoss final : public MarginLoss {
  public:
    std::string_view name() const override { return "hinge"; }
    double value(double m) const override { return m < 1.0 ? 1.0 - m : 0.0; }
    double derivative(double m) const override { return m < 1.0 ? -1.0 : 0.0; }
    double curvature(double) const override { return 0.0; }
    LossFacts facts() const override {
        return {1.0, -1.0, 0.0, std::numeric_limits<double>::infinity(), true};
    }
};

/// phi(m) = (m / beta - 1 / (2 beta))^2.
class IpoLoss final : public MarginLoss {
  public:
    explicit IpoLoss(double beta) : scale_(1.0 / (beta * beta)) {}
    std::string_view name() const override { return "ipo"; }
    double value(double m) const override { return scale_ * (m - 0.5) * (m - 0.5); }
    double derivative(double m) const override { return 2.0 * scale_ * (m - 0.5); }
    double curvature(double) const override { return 2.0 * scale_; }
    LossFacts facts() const override {
        return {0.25 * scale_, -scale_, 0.0, 2.0 * scale_, true, false};
    }

  private:
    double scale_;
};

double entropy(double p) { return p == 0.0 ? 0.0 : -p * std::log(p) - (1.0 - p) * std::log1p(-p); }

/// Conservative DPO: phi(m) = -(1 - eps) log sigma(m) - eps log sigma(-m). aot applies the same phi
/// to margins matched by rank.
class SmoothedLoss final : public MarginLoss {
  public:
    SmoothedLoss(std::string_view name, double eps, LossForm form)
        : name_(name), eps_(eps), form_(form) {}
    std::string_view name() const override { return name_; }
    double value(double m) const override {
        return (1.0 - eps_) * softplus(-m) + eps_ * softplus(m);
    }
    double derivative(double m) const override {
        return eps_ * sigmoid(m) - (1.0 - eps_) * sigmoid(-m);
    }
    double curvature(double m) const override { return sigmoid(m) * sigmoid(-m); }
    LossFacts facts() const override {
        return {std::log(2.0), eps_ - 0.5, entropy(eps_), 0.25, true, eps_ == 0.0, form_};
    }

  private:
    std::string_view name_;
    double eps_;
    LossForm form_;
};

/// phi(m) = (-(1 - eps) log sigma(m) + eps log sigma(-m)) / (1 - 2 eps)
///        = -log sigma(m) - eps m / (1 - 2 eps): the line makes the expectation over flipped labels
/// that of the clean loss.
class RobustLoss final : public MarginLoss {
  public:
    explicit RobustLoss(double eps) : tilt_(eps / (1.0 - 2.0 * eps)) {}
    std::string_view name() const override { return "robust"; }
    double value(double m) const override { return softplus(-m) - tilt_ * m; }
    double derivative(double m) const override { return -sigmoid(-m) - tilt_; }
    double curvature(double m) const override { return sigmoid(m) * sigmoid(-m); }
    LossFacts facts() const override {
        const double infimum = tilt_ > 0.0 ? -std::numeric_limits<double>::infinity() : 0.0;
        return {std::log(2.0), -0.5 - tilt_, infimum, 0.25, true};
    }

  private:
    double tilt_;  ///< eps / (1 - 2 eps)
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
