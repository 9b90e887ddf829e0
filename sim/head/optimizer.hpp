#pragma once
#include <memory>

#include "sim/base/types.hpp"

namespace prefdyn {

/// One parameter update from a descent direction (minus the gradient). Element-wise, so the same
/// rule serves the reduced and the dense engine.
class Optimizer {
  public:
    virtual ~Optimizer() = default;
    virtual void step(Vector& theta, const Vector& direction) = 0;
};

/// theta += eta * direction: gradient descent, or SGD when the direction is a minibatch's.
std::unique_ptr<Optimizer> make_descent(double eta);

/// Adam (Kingma & Ba) with bias correction, no weight decay; beta1 0.9, beta2 0.999, epsilon 1e-8.
std::unique_ptr<Optimizer> make_adam(double eta);

}  // namespace prefdyn
