#pragma once
// Adam (Kingma & Ba, arXiv 1412.6980) of one number, the same on the processor and on a card.

#include "sim/base/numerics.hpp"

namespace prefdyn {

/// beta1 0.9, beta2 0.999, epsilon 1e-8, bias correction, no weight decay.
struct AdamUpdate {
    static constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

    double correct1 = 1.0, correct2 = 1.0;  ///< 1 - beta^k of both moments after k updates

    AdamUpdate() = default;
    /// Of update k = 1, 2, ...
    PREFDYN_HD explicit AdamUpdate(double k)
        : correct1(1.0 - std::pow(kBeta1, k)), correct2(1.0 - std::pow(kBeta2, k)) {}

    /// Takes g into both moments, which are kept as Real, and returns eta mhat / (sqrt(vhat) +
    /// epsilon): what a descent direction g adds to theta, or a gradient g takes from it.
    template <class Real>
    PREFDYN_HD double operator()(double eta, double g, Real& mean, Real& square) const {
        mean = static_cast<Real>(kBeta1 * mean + (1.0 - kBeta1) * g);
        square = static_cast<Real>(kBeta2 * square + (1.0 - kBeta2) * (g * g));
        const double root = std::sqrt(static_cast<double>(square) / correct2);
        return eta * (mean / correct1) / (root + kEpsilon);
    }
};

}  // namespace prefdyn
