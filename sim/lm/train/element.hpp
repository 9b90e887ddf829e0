#pragma once
// What training does to single numbers, the same on the processor and on a card.

#include "sim/base/adam.hpp"

namespace prefdyn::finetune {

/// -total softmax: a row's gradient in its logits but for the shares of its tokens, whose sum is
/// `total`.
PREFDYN_HD inline double logit_slope(double logit, double logsumexp, double total) {
    return total == 0.0 ? 0.0 : -total * std::exp(logit - logsumexp);
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

/// theta moves by one element of an optimiser with its moments, the gradient scaled first.
template <class Element>
struct Step {
    Element element;
    double eta;
    float share;
    const float* gradient;
    float *theta, *mean, *square;

    PREFDYN_HD void operator()(long i) const { move(element, i); }

  private:
    PREFDYN_HD double slope(long i) const { return gradient[i] * share; }
    PREFDYN_HD void move(const SgdElement& e, long i) const { e(eta, slope(i), theta[i]); }
    PREFDYN_HD void move(const RmspropElement& e, long i) const {
        e(eta, slope(i), theta[i], square[i]);
    }
    PREFDYN_HD void move(const AdamwElement& e, long i) const {
        e(eta, slope(i), theta[i], mean[i], square[i]);
    }
};

}  // namespace prefdyn::finetune
