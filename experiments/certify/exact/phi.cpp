#include "experiments/certify/exact/phi.hpp"

namespace prefdyn::certify {

namespace {

Real tilt_of(const LossSpec& spec) {
    const Real eps = spec.label_smoothing;
    if (spec.name == "cdpo") return eps;
    if (spec.name == "robust") return -(eps / (Real(1.0) - Real(2.0) * eps));
    return {};
}

/// -eps log eps - (1 - eps) log(1 - eps), the least of softplus(-m) + eps m.
Real entropy(const Real& eps) {
    if (eps.is_zero()) return {};
    const Real rest = Real(1.0) - eps;
    return -(eps * log(eps)) - rest * log(rest);
}

}  // namespace

std::string ExactPhi::why_not(const LossSpec& spec) {
    for (const char* name : {"sigmoid", "sigmoid_norm", "cdpo", "robust", "ipo"})
        if (spec.name == name) return {};
    if (spec.name == "hinge") return "the loss has a kink, kappa is infinite";
    if (!make_loss(spec)->margin()) return "the loss is not a function of the margin";
    if (spec.name == "aot") return "the loss matches margins over the batch";
    return "sup phi'' of " + spec.name + " has no closed form";
}

ExactPhi::ExactPhi(const LossSpec& spec)
    : parabola_(spec.name == "ipo"), tilt_(tilt_of(spec)), scale_(1.0) {
    if (parabola_) {
        scale_ /= square(Real(spec.beta));
        at_zero = scale_ * Real(0.25);
        slope_at_zero = -scale_;
        curvature_max = scale_ * Real(2.0);
        return;
    }
    at_zero = log(Real(2.0));
    slope_at_zero = tilt_ - Real(0.5);
    curvature_max = 0.25;
    bounded_below = !tilt_.is_negative();
    if (spec.name == "cdpo") infimum = entropy(spec.label_smoothing);
}

Real ExactPhi::value(const Real& m) const {
    if (parabola_) return scale_ * square(m - Real(0.5));
    Real out = log1p(exp(-m));
    if (!tilt_.is_zero()) add_product(out, tilt_, m);
    return out;
}

Real ExactPhi::derivative(const Real& m) const {
    if (parabola_) return Real(2.0) * scale_ * (m - Real(0.5));
    return tilt_ - Real(1.0) / (Real(1.0) + exp(m));
}

}  // namespace prefdyn::certify
