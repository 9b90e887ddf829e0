// Losses of both rewards that are no function of their difference: the softmax normaliser stays in
// their gradient.
#include <cmath>
#include <limits>

#include "sim/base/numerics.hpp"
#include "sim/loss/loss_makers.hpp"

namespace prefdyn {

namespace {

double sigmoid_slope(double x) { return sigmoid(x) * sigmoid(-x); }

/// phi = -log sigma(r_w) - (1/2) log sigma(-r_w) - (1/2) log sigma(-r_l).
class NcaPairLoss final : public PreferenceLoss {
  public:
    std::string_view name() const override { return "nca_pair"; }
    double value(double w, double l) const override {
        return softplus(-w) + 0.5 * softplus(w) + 0.5 * softplus(l);
    }
    LossSlopes slopes(double w, double l) const override {
        return {0.5 * sigmoid(w) - sigmoid(-w), 0.5 * sigmoid(l)};
    }
    LossFacts facts() const override {  // inf at sigma(r_w) = 2/3, r_l -> -infinity
        return {2.0 * std::log(2.0), -0.25, std::log(1.5) + 0.5 * std::log(3.0), kNan, true, false,
                LossForm::kPair};
    }
};

/// phi = -log sigma(r_w) - log sigma(-r_l).
class BcoPairLoss final : public PreferenceLoss {
  public:
    std::string_view name() const override { return "bco_pair"; }
    double value(double w, double l) const override { return softplus(-w) + softplus(l); }
    LossSlopes slopes(double w, double l) const override { return {-sigmoid(-w), sigmoid(l)}; }
    LossFacts facts() const override {
        return {2.0 * std::log(2.0), -0.5, 0.0, kNan, true, true, LossForm::kPair};
    }
};

/// phi = ((r_w - 1/2)^2 + (r_l + 1/2)^2) / beta^2.
class SppoHardLoss final : public PreferenceLoss {
  public:
    explicit SppoHardLoss(double beta) : scale_(1.0 / (beta * beta)) {}
    std::string_view name() const override { return "sppo_hard"; }
    double value(double w, double l) const override {
        return scale_ * ((w - 0.5) * (w - 0.5) + (l + 0.5) * (l + 0.5));
    }
    LossSlopes slopes(double w, double l) const override {
        return {2.0 * scale_ * (w - 0.5), 2.0 * scale_ * (l + 0.5)};
    }
    LossFacts facts() const override {
        return {0.5 * scale_, -scale_, 0.0, kNan, true, false, LossForm::kPair};
    }

  private:
    double scale_;
};

/// phi = 1 - sigma(r_w) + sigma(r_l).
class ApoZeroLoss final : public PreferenceLoss {
  public:
    std::string_view name() const override { return "apo_zero"; }
    double value(double w, double l) const override { return sigmoid(-w) + sigmoid(l); }
    LossSlopes slopes(double w, double l) const override {
        return {-sigmoid_slope(w), sigmoid_slope(l)};
    }
    LossFacts facts() const override {
        return {1.0, -0.25, 0.0, kNan, false, true, LossForm::kPair};
    }
};

/// phi = sigma(r_w) + 1 - sigma(r_w - r_l): both rewards are pushed down.
class ApoDownLoss final : public PreferenceLoss {
  public:
    std::string_view name() const override { return "apo_down"; }
    double value(double w, double l) const override { return sigmoid(w) + sigmoid(l - w); }
    LossSlopes slopes(double w, double l) const override {
        return {sigmoid_slope(w) - sigmoid_slope(w - l), sigmoid_slope(w - l)};
    }
    LossFacts facts() const override {
        return {1.0, 0.0, 0.0, kNan, false, false, LossForm::kPair, 0.25};
    }
};

}  // namespace

std::unique_ptr<PreferenceLoss> nca_pair_loss(const LossSpec&) {
    return std::make_unique<NcaPairLoss>();
}
std::unique_ptr<PreferenceLoss> bco_pair_loss(const LossSpec&) {
    return std::make_unique<BcoPairLoss>();
}
std::unique_ptr<PreferenceLoss> sppo_hard_loss(const LossSpec& spec) {
    return std::make_unique<SppoHardLoss>(spec.beta);
}
std::unique_ptr<PreferenceLoss> apo_zero_loss(const LossSpec&) {
    return std::make_unique<ApoZeroLoss>();
}
std::unique_ptr<PreferenceLoss> apo_down_loss(const LossSpec&) {
    return std::make_unique<ApoDownLoss>();
}

}  // namespace prefdyn
