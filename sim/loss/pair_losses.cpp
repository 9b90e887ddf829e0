// Losses of both rewards that are no function of their difference: the softmax normaliser stays in
// their gradient.
#include <cmath>

#include "sim/base/numerics.hpp"
#include "sim/loss/loss_makers.hpp"

namespace prefdyn {

namespace {

double sigmoid_slope(double x) { return sigmoid(x) * sigmoid(-x); }

/// phi and its slopes as functions of r_w and r_l.
template <class Value, class Slopes>
class PairLoss final : public PreferenceLoss {
  public:
    PairLoss(const LossSpec& spec, const LossFacts& facts, Value value, Slopes slopes)
        : name_(spec.name), facts_(facts), value_(value), slopes_(slopes) {}
    std::string_view name() const override { return name_; }
    LossFacts facts() const override { return facts_; }
    double value(double w, double l) const override { return value_(w, l); }
    LossSlopes slopes(double w, double l) const override { return slopes_(w, l); }

  private:
    std::string name_;
    LossFacts facts_;
    Value value_;
    Slopes slopes_;
};

template <class Value, class Slopes>
std::unique_ptr<PreferenceLoss> make(const LossSpec& spec, const LossFacts& facts, Value value,
                                     Slopes slopes) {
    return std::make_unique<PairLoss<Value, Slopes>>(spec, facts, value, slopes);
}

}  // namespace

/// phi = -log sigma(r_w) - (1/2) log sigma(-r_w) - (1/2) log sigma(-r_l), its infimum at
/// sigma(r_w) = 2/3, r_l -> -infinity.
std::unique_ptr<PreferenceLoss> nca_pair_loss(const LossSpec& spec) {
    const double infimum = std::log(1.5) + 0.5 * std::log(3.0);
    return make(
        spec, {2.0 * std::log(2.0), -0.25, infimum, kNan, true, false, LossForm::kPair},
        [](double w, double l) { return softplus(-w) + 0.5 * softplus(w) + 0.5 * softplus(l); },
        [](double w, double l) {
            return LossSlopes{0.5 * sigmoid(w) - sigmoid(-w), 0.5 * sigmoid(l)};
        });
}

/// phi = -log sigma(r_w) - log sigma(-r_l).
std::unique_ptr<PreferenceLoss> bco_pair_loss(const LossSpec& spec) {
    return make(
        spec, {2.0 * std::log(2.0), -0.5, 0.0, kNan, true, true, LossForm::kPair},
        [](double w, double l) { return softplus(-w) + softplus(l); },
        [](double w, double l) {
            return LossSlopes{-sigmoid(-w), sigmoid(l)};
        });
}

/// phi = ((r_w - 1/2)^2 + (r_l + 1/2)^2) / beta^2.
std::unique_ptr<PreferenceLoss> sppo_hard_loss(const LossSpec& spec) {
    const double scale = 1.0 / (spec.beta * spec.beta);
    return make(
        spec, {0.5 * scale, -scale, 0.0, kNan, true, false, LossForm::kPair},
        [=](double w, double l) { return scale * ((w - 0.5) * (w - 0.5) + (l + 0.5) * (l + 0.5)); },
        [=](double w, double l) {
            return LossSlopes{2.0 * scale * (w - 0.5), 2.0 * scale * (l + 0.5)};
        });
}

/// phi = 1 - sigma(r_w) + sigma(r_l).
std::unique_ptr<PreferenceLoss> apo_zero_loss(const LossSpec& spec) {
    return make(
        spec, {1.0, -0.25, 0.0, kNan, false, true, LossForm::kPair},
        [](double w, double l) { return sigmoid(-w) + sigmoid(l); },
        [](double w, double l) {
            return LossSlopes{-sigmoid_slope(w), sigmoid_slope(l)};
        });
}

/// phi = sigma(r_w) + 1 - sigma(r_w - r_l): both rewards are pushed down.
std::unique_ptr<PreferenceLoss> apo_down_loss(const LossSpec& spec) {
    return make(
        spec, {1.0, 0.0, 0.0, kNan, false, false, LossForm::kPair, 0.25},
        [](double w, double l) { return sigmoid(w) + sigmoid(l - w); },
        [](double w, double l) {
            return LossSlopes{sigmoid_slope(w) - sigmoid_slope(w - l), sigmoid_slope(w - l)};
        });
}

}  // namespace prefdyn
