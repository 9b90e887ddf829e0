#pragma once
// What training does to single numbers, the same on the processor and on a card.

#include "sim/base/adam.hpp"

namespace prefdyn::finetune {

/// -pull softmax: a row's gradient in its logits but for the entries of its tokens.
PREFDYN_HD inline double logit_slope(double logit, double logsumexp, double pull) {
    return pull == 0.0 ? 0.0 : -pull * std::exp(logit - logsumexp);
}

/// Optimisers as torch.optim defines them; see update_rule.hpp.
struct SgdElement {
    PREFDYN_HD void operator()(double eta, double g, float& theta) const {
        theta = static_cast<float>(theta - eta * g);
    }
};

struct RmspropElement {
    PREFDYN_HD void operator()(double eta, double g, float& theta, float& square) const {
        constexpr double kAlpha = 0.99, kEpsilon = 1e-8;
        square = static_cast<float>(kAlpha * square + (1.0 - kAlpha) * g * g);
        const double root = std::sqrt(static_cast<double>(square));
        theta = static_cast<float>(theta - eta * g / (root + kEpsilon));
    }
};

struct AdamwElement {
    AdamUpdate adam;
    double decay;

    AdamwElement(double steps, double weight_decay) : adam(steps), decay(weight_decay) {}

    PREFDYN_HD void operator()(double eta, double g, float& theta, float& mean,
                               float& square) const {
        const double move = adam(eta, g, mean, square);
        theta = static_cast<float>((1.0 - eta * decay) * theta - move);
    }
};

/// silu(g) u and what its gradient da is in g and in u.
template <class Real>
PREFDYN_HD Real swish_gate(Real g, Real u) {
    return g * (Real(1) / (Real(1) + std::exp(-g))) * u;
}
template <class Real>
PREFDYN_HD void swish_gate_backward(Real g, Real u, Real da, Real& dg, Real& du) {
    const Real s = Real(1) / (Real(1) + std::exp(-g));
    dg = da * u * s * (Real(1) + g * (Real(1) - s));
    du = da * g * s;
}

/// 1 / sqrt(mean x^2 + epsilon) from the sum of d squares.
PREFDYN_HD inline double inverse_rms(double squares, double d, double epsilon) {
    return 1.0 / std::sqrt(squares / d + epsilon);
}

/// Of y = w x r with r = inverse_rms: dx_j = r w_j dy_j - x_j r^3 / d along, with along =
/// sum_i w_i dy_i x_i.
struct NormSlope {
    double keep, pull;
    PREFDYN_HD NormSlope(double r, double along, double d) : keep(r), pull(r * r * r * along / d) {}
    template <class Real>
    PREFDYN_HD Real operator()(Real x, Real w, Real dy) const {
        return static_cast<Real>(keep) * (w * dy) - static_cast<Real>(pull) * x;
    }
};

}  // namespace prefdyn::finetune
