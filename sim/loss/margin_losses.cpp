// Losses of the margin (and aot, whose phi is one of them).
#include <algorithm>
#include <boost/math/tools/minima.hpp>
#include <cmath>

#include "sim/loss/loss_makers.hpp"

namespace prefdyn {

namespace {

template <class Phi>
std::unique_ptr<MarginLoss> make(const LossSpec& spec, Phi phi, LossFacts facts, double slope_max) {
    facts.slope_max = slope_max;
    return std::make_unique<PhiLoss<Phi>>(spec, phi, facts);
}

double entropy(double p) { return p == 0.0 ? 0.0 : -p * std::log(p) - (1.0 - p) * std::log1p(-p); }

std::unique_ptr<MarginLoss> smoothed(const LossSpec& spec, LossForm form) {
    const double eps = spec.label_smoothing;
    return make(spec, SmoothedPhi{eps},
                {std::log(2.0), eps - 0.5, entropy(eps), 0.25, true, eps == 0.0, form},
                std::max(eps, 1.0 - eps));
}

/// What has no closed form is found by search: looks at phi in steps of width / 200 on
/// [-40 width, 40 width], beyond which it must be flat. The largest phi'' is refined to its full
/// precision; no |phi'| is above those seen by more than a step of the largest curvature seen.
template <class Phi>
void scan(const Phi& phi, double width, LossFacts& facts) {
    const double h = width / 200.0;
    double best = 0.0, steepest = 0.0, bent = 0.0;
    for (int k = -8000; k <= 8000; ++k) {
        const double bend = phi.curvature(k * h);
        facts.convex = facts.convex && bend >= 0.0;
        facts.monotone = facts.monotone && phi.derivative(k * h) <= 0.0;
        steepest = std::max(steepest, std::fabs(phi.derivative(k * h)));
        bent = std::max(bent, std::fabs(bend));
        if (bend > phi.curvature(best)) best = k * h;
    }
    facts.slope_max = std::max(facts.slope_max, steepest + h * bent);
    const auto refined = boost::math::tools::brent_find_minima(
        [&](double m) { return -phi.curvature(m); }, best - h, best + h, 50);
    facts.curvature_max = std::max({facts.curvature_max, -refined.second, phi.curvature(best)});
}

}  // namespace

/// Also of sigmoid_norm: it divides log-ratios by response lengths, which are 1.
std::unique_ptr<MarginLoss> sigmoid_loss(const LossSpec& spec) {
    return make(spec, SigmoidPhi(), {std::log(2.0), -0.5, 0.0, 0.25, true}, 1.0);
}

std::unique_ptr<MarginLoss> hinge_loss(const LossSpec& spec) {
    return make(spec, HingePhi(), {1.0, -1.0, 0.0, kInfinity, true}, 1.0);
}

std::unique_ptr<MarginLoss> ipo_loss(const LossSpec& spec) {
    const double scale = 1.0 / (spec.beta * spec.beta);
    return make(spec, IpoPhi{scale}, {0.25 * scale, -scale, 0.0, 2.0 * scale, true, false},
                kInfinity);
}

std::unique_ptr<MarginLoss> cdpo_loss(const LossSpec& spec) {
    return smoothed(spec, LossForm::kMargin);
}

/// The same phi of margins matched by rank.
std::unique_ptr<MarginLoss> aot_loss(const LossSpec& spec) {
    return smoothed(spec, LossForm::kSorted);
}

/// The line in phi makes the expectation over flipped labels that of the clean loss.
std::unique_ptr<MarginLoss> robust_loss(const LossSpec& spec) {
    const double tilt = spec.label_smoothing / (1.0 - 2.0 * spec.label_smoothing);
    return make(spec, RobustPhi{tilt},
                {std::log(2.0), -0.5 - tilt, tilt > 0.0 ? -kInfinity : 0.0, 0.25, true},
                1.0 + tilt);
}

/// Bounded, with its minimum at m = logit(1 - eps).
std::unique_ptr<MarginLoss> exo_pair_loss(const LossSpec& spec) {
    const ExoPhi phi{std::log1p(-spec.label_smoothing), std::log(spec.label_smoothing)};
    LossFacts facts{-std::log(2.0) - 0.5 * (phi.log_eps + phi.log_one_minus_eps),
                    -0.25 * phi.target(),
                    0.0,
                    -1.0,
                    false,
                    false};
    facts.slope_max = 0.0;
    scan(phi, 1.0, facts);
    return make(spec, phi, facts, facts.slope_max);
}

std::unique_ptr<MarginLoss> discopop_loss(const LossSpec& spec) {
    const DiscopopPhi phi{spec.discopop_tau};
    LossFacts facts{0.5 * std::log(2.0) + 0.5, (1.0 - std::log(2.0)) / (4.0 * phi.tau) - 0.75, 0.0,
                    -1.0, true};
    facts.slope_max = 0.0;
    scan(phi, 1.0, facts);
    scan(phi, phi.tau, facts);
    return make(spec, phi, facts, facts.slope_max);
}

}  // namespace prefdyn
