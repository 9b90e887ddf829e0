#include "sim/head/optimizer.hpp"

#include "sim/base/adam.hpp"

namespace prefdyn {

void Optimizer::step(Vector& theta, const Vector& direction) {
    if (!adam_) {
        theta += eta_ * direction;
        return;
    }
    if (first_.size() == 0) first_ = second_ = Vector::Zero(theta.size());
    const AdamUpdate adam(++steps_);
    for (Index j = 0; j < theta.size(); ++j)
        theta(j) += adam(eta_, direction(j), first_(j), second_(j));
}

}  // namespace prefdyn
