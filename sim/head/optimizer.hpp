#pragma once
#include "sim/base/types.hpp"

namespace prefdyn {

/// Parameter updates from descent directions (minus the gradient). Element-wise, so the same rule
/// serves the reduced and the dense engine.
class Optimizer {
  public:
    Optimizer(double eta, bool adam) : eta_(eta), adam_(adam) {}
    void step(Vector& theta, const Vector& direction);

  private:
    double eta_;
    bool adam_;
    double steps_ = 0.0;
    Vector first_, second_;  ///< Adam's moments, empty before its first step
};

/// theta += eta * direction: gradient descent, or SGD when the direction is a minibatch's.
inline Optimizer make_descent(double eta) { return {eta, false}; }

/// Adam (Kingma & Ba) with bias correction, no weight decay; beta1 0.9, beta2 0.999, epsilon 1e-8.
inline Optimizer make_adam(double eta) { return {eta, true}; }

}  // namespace prefdyn
