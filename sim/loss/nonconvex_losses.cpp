// Losses of the margin that are not convex; the constants that have no closed form are found by
// search when the loss is made.
#include <algorithm>
#include <boost/math/tools/minima.hpp>
#include <cmath>

#include "sim/loss/loss_makers.hpp"
#include "sim/loss/phi_loss.hpp"

namespace prefdyn {

namespace {

struct Shape {
    double curvature_max = -1.0, slope_max = 0.0;
    bool convex = true, monotone = true;
};

/// Looks at `loss` in steps of width / 200 on [-40 width, 40 width], beyond which phi must be flat.
/// The largest phi'' is refined to its full precision; no |phi'| is further above those seen than
/// half a step of the curvature seen, doubled.
void scan(const MarginLoss& loss, double width, Shape& shape) {
    const double h = width / 200.0;
    double best = 0.0, steepest = 0.0, bent = 0.0;
    for (int k = -8000; k <= 8000; ++k) {
        const double bend = loss.curvature(k * h);
        shape.convex = shape.convex && bend >= 0.0;
        steepest = std::max(steepest, std::fabs(loss.derivative(k * h)));
        bent = std::max(bent, std::fabs(bend));
        shape.monotone = shape.monotone && loss.derivative(k * h) <= 0.0;
        if (bend > loss.curvature(best)) best = k * h;
    }
    const auto refined = boost::math::tools::brent_find_minima(
        [&](double m) { return -loss.curvature(m); }, best - h, best + h, 50);
    shape.slope_max = std::max(shape.slope_max, steepest + h * bent);
    shape.curvature_max = std::max({shape.curvature_max, -refined.second, loss.curvature(best)});
}

/// Bounded, with its minimum at m = logit(1 - eps).
class ExoLoss final : public PhiLoss<ExoPhi> {
  public:
    explicit ExoLoss(double eps) : PhiLoss("exo_pair", {std::log1p(-eps), std::log(eps)}) {
        scan(*this, 1.0, shape_);
    }
    double curvature(double m) const override {
        return sigmoid(m) * sigmoid(-m) * (1.0 + (sigmoid(-m) - sigmoid(m)) * (m - phi_.target()));
    }
    LossFacts facts() const override {
        return {-std::log(2.0) - 0.5 * (phi_.log_eps + phi_.log_one_minus_eps),
                -0.25 * phi_.target(),
                0.0,
                shape_.curvature_max,
                false,
                false,
                LossForm::kMargin,
                0.0,
                shape_.slope_max};
    }

  private:
    Shape shape_;
};

class DiscopopLoss final : public PhiLoss<DiscopopPhi> {
  public:
    explicit DiscopopLoss(double tau) : PhiLoss("discopop", {tau}) {
        scan(*this, 1.0, shape_);
        scan(*this, tau, shape_);
    }
    double curvature(double m) const override {
        const double tau = phi_.tau, gate = phi_.gate_slope(m);
        const double off = sigmoid(-m / tau), on = sigmoid(m / tau);
        const double bend = (off - on) / tau;  // k'' = bend k'
        return gate * (2.0 * sigmoid(-m) - bend * softplus(-m)) + off * sigmoid(m) * sigmoid(-m) +
               phi_.gated_exponential(m) * (off / tau * (bend - 2.0) + 1.0);
    }
    LossFacts facts() const override {
        return {0.5 * std::log(2.0) + 0.5,
                (1.0 - std::log(2.0)) / (4.0 * phi_.tau) - 0.75,
                0.0,
                shape_.curvature_max,
                shape_.convex,
                shape_.monotone,
                LossForm::kMargin,
                0.0,
                shape_.slope_max};
    }

  private:
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
