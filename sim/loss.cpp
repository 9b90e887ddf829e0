#include "sim/loss.hpp"

#include <cmath>

#include "sim/error.hpp"
#include "sim/numerics.hpp"

namespace prefdyn {

namespace {

/// DPO: phi(m) = -log sigma(m).
class SigmoidLoss final : public MarginLoss {
  public:
    std::string_view name() const override { return "sigmoid"; }
    double value(double m) const override { return softplus(-m); }
    double derivative(double m) const override { return -sigmoid(-m); }
    double curvature(double m) const override { return sigmoid(m) * sigmoid(-m); }
    LossFacts facts() const override { return {std::log(2.0), -0.5, 0.0, 0.25, true}; }
};

}  // namespace

const std::vector<std::string>& loss_names() {
    static const std::vector<std::string> names = {"sigmoid"};
    return names;
}

std::unique_ptr<MarginLoss> make_loss(std::string_view name) {
    if (name == "sigmoid") return std::make_unique<SigmoidLoss>();
    throw InputError("loss: unknown name '" + std::string(name) + "'", "known: sigmoid");
}

}  // namespace prefdyn
