// Losses of the margin that are not convex; the constants that have no closed form are found by
// search when the loss is made.
#include <algorithm>
#include <boost/math/tools/minima.hpp>
#include <cmath>

#include "sim/loss_makers.hpp"
#include "sim/numerics.hpp"

namespace prefdyn {

namespace {

struct Shape {
    double curvature_max = -1.0;
    bool convex = true, monotone = true;
};

/// Looks at `loss` in steps of width / 200 on [-40 width, 40 width], beyond which phi must be flat.
/// The largest phi'' is refined to its full precision.
void scan(const MarginLoss& loss, double width, Shape& shape) {
    const double h = width / 200.0;
    double best = 0.0;
    for (int k = -8000; k <= 8000; ++k) {
        const double bend = loss.curvature(k * h);
        shape.convex = shape.convex && bend >= 0.0;
        shape.monotone = shape.monotone && loss.derivative(k * h) <= 0.0;
        if (bend > loss.curvature(best)) best = k * h;
    }
    const auto refined = boost::math::tools::brent_find_minima(
        [&](double m) { return -loss.curvature(m); }, best - h, best + h, 50);
    shape.curvature_max = std::max({shape.curvature_max, -refined.second, loss.curvature(best)});
}

/// EXO: the divergence KL( sigma(m) || 1 - eps ), bounded, with its minimum at m = logit(1 - eps).
class ExoLoss final : public MarginLoss {
  public:
    explicit ExoLoss(double eps)
        : log_one_minus_eps_(std::log1p(-eps)),
          log_eps_(std::log(eps)),
          target_(log_one_minus_eps_ - log_eps_) {
        scan(*this, 1.0, shape_);
    }
    std::string_view name() const override { return "exo_pair"; }
    double value(double m) const override {
        return sigmoid(m) * (log_sigmoid(m) - log_one_minus_eps_) +
               sigmoid(-m) * (log_sigmoid(-m) - log_eps_);
    }
    double derivative(double m) const override { return sigmoid(m) * sigmoid(-m) * (m - target_); }
    double curvature(double m) const override {
        return sigmoid(m) * sigmoid(-m) * (1.0 + (sigmoid(-m) - sigmoid(m)) * (m - target_));
    }
    LossFacts facts() const override {
        return {-std::log(2.0) - 0.5 * (log_eps_ + log_one_minus_eps_),
                -0.25 * target_,
                0.0,
                shape_.curvature_max,
                false,
                false};
    }

  private:
    double log_one_minus_eps_, log_eps_, target_;
    Shape shape_;
};

/// DiscoPOP: phi(m) = -(1 - k) log sigma(m) + k exp(-m), k = sigma(m / tau).
class DiscopopLoss final : public MarginLoss {
  public:
    explicit DiscopopLoss(double tau) : tau_(tau) {
        scan(*this, 1.0, shape_);
        scan(*this, tau, shape_);
    }
    std::string_view name() const override { return "discopop"; }
    double value(double m) const override {
        return sigmoid(-m / tau_) * softplus(-m) + gated_exponential(m);
    }
    double derivative(double m) const override {
        const double off = sigmoid(-m / tau_), gate = gate_slope(m);
        return -gate * softplus(-m) - off * sigmoid(-m) + (off / tau_ - 1.0) * gated_exponential(m);
    }
    double curvature(double m) const override {
        const double off = sigmoid(-m / tau_), on = sigmoid(m / tau_), gate = gate_slope(m);
        const double bend = (off - on) / tau_;  // k'' = bend k'
        return gate * (2.0 * sigmoid(-m) - bend * softplus(-m)) + off * sigmoid(m) * sigmoid(-m) +
               gated_exponential(m) * (off / tau_ * (bend - 2.0) + 1.0);
    }
    LossFacts facts() const override {
        return {0.5 * std::log(2.0) + 0.5,
                (1.0 - std::log(2.0)) / (4.0 * tau_) - 0.75,
                0.0,
                shape_.curvature_max,
                shape_.convex,
                shape_.monotone};
    }

  private:
    /// k exp(-m): finite where exp(-m) alone is not.
    double gated_exponential(double m) const { return std::exp(log_sigmoid(m / tau_) - m); }
    double gate_slope(double m) const { return sigmoid(m / tau_) * sigmoid(-m / tau_) / tau_; }

    double tau_;
    Shape shape_;
};

}  // namespace

std::unique_ptr<MarginLoss> exo_pair_loss(const LossSpec& spec) {
    return std::make_unique<ExoLoss>(spec.label_smoothing);
}
std::unique_ptr<MarginLoss> discopop_loss(const LossSpec& spec) {
    return std::make_unique<DiscopopLoss>(spec.discopop_tau);
}

}  // namespace prefdyn
