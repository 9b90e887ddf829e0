#pragma once
// What a layer does to single numbers, once for the processor and the card.

#include "sim/base/numerics.hpp"
#include "sim/lm/model/activation.hpp"

namespace prefdyn::transformer {

/// 1 / sqrt(mean x^2 + epsilon) from the sum of d squares.
PREFDYN_HD inline double inverse_rms(double squares, double d, double epsilon) {
    return 1.0 / std::sqrt(squares / d + epsilon);
}

/// w x r with r = inverse_rms.
template <class Real>
PREFDYN_HD Real normed(Real w, Real x, Real r) {
    return w * (x * r);
}

/// Of y = w x r: dx_j = r w_j dy_j - x_j r^3 / d along, along = sum_i w_i dy_i x_i.
struct NormSlope {
    double direct, radial;
    PREFDYN_HD NormSlope(double r, double along, double d)
        : direct(r), radial(r * r * r * along / d) {}
    template <class Real>
    PREFDYN_HD Real operator()(Real x, Real w, Real dy) const {
        return static_cast<Real>(direct) * (w * dy) - static_cast<Real>(radial) * x;
    }
};

/// (a + i b) exp(i angle).
template <class Real>
PREFDYN_HD void rotate_pair(Real& a, Real& b, Real cosine, Real sine) {
    const Real x = a, y = b;
    a = x * cosine - y * sine;
    b = y * cosine + x * sine;
}

/// silu(g) u with silu(g) = g / (1 + exp(-g)).
template <class Real>
PREFDYN_HD Real gate(Real g, Real u) {
    return g / (Real(1) + std::exp(-g)) * u;
}

/// What the gradient da of gate(g, u) is in g and in u.
template <class Real>
PREFDYN_HD void gate_backward(Real g, Real u, Real da, Real& dg, Real& du) {
    const Real s = Real(1) / (Real(1) + std::exp(-g));
    dg = da * u * s * (Real(1) + g * (Real(1) - s));
    du = da * g * s;
}

/// act(x), and its slope.
template <class Real>
PREFDYN_HD Real activated(Activation kind, Real x) {
    constexpr Real kRootHalf = Real(0.70710678118654752440), kTanh = Real(0.79788456080286535588);
    switch (kind) {
        case Activation::kSilu:
            return x / (Real(1) + std::exp(-x));
        case Activation::kGelu:
            return Real(0.5) * x * (Real(1) + std::erf(x * kRootHalf));
        case Activation::kGeluTanh:
            return Real(0.5) * x * (Real(1) + std::tanh(kTanh * (x + Real(0.044715) * x * x * x)));
        default:
            return x > Real(0) ? x : Real(0);
    }
}
template <class Real>
PREFDYN_HD Real activation_slope(Activation kind, Real x) {
    constexpr Real kRootHalf = Real(0.70710678118654752440), kTanh = Real(0.79788456080286535588);
    constexpr Real kDensity = Real(0.39894228040143267794);  // 1 / sqrt(2 pi)
    switch (kind) {
        case Activation::kSilu: {
            const Real s = Real(1) / (Real(1) + std::exp(-x));
            return s * (Real(1) + x * (Real(1) - s));
        }
        case Activation::kGelu:
            return Real(0.5) * (Real(1) + std::erf(x * kRootHalf)) +
                   x * kDensity * std::exp(Real(-0.5) * x * x);
        case Activation::kGeluTanh: {
            const Real t = std::tanh(kTanh * (x + Real(0.044715) * x * x * x));
            const Real inner = kTanh * (Real(1) + Real(0.134145) * x * x);
            return Real(0.5) * (Real(1) + t) + Real(0.5) * x * (Real(1) - t * t) * inner;
        }
        default:
            return x > Real(0) ? Real(1) : Real(0);
    }
}

/// A softmax that sees its scores a few at a time: `top` is the largest so far, -infinity before
/// the first. Sums over weights made with an older top are multiplied by rescale().
struct SoftmaxStep {
    float top, before;
    PREFDYN_HD SoftmaxStep(float now, float old) : top(now), before(old) {}
    PREFDYN_HD bool nothing() const { return top == -INFINITY; }
    PREFDYN_HD float rescale() const { return nothing() ? 1.0f : std::exp(before - top); }
    PREFDYN_HD float weight(float score) const { return nothing() ? 0.0f : std::exp(score - top); }
};

}  // namespace prefdyn::transformer
