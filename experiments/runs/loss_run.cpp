#include "experiments/runs/loss_run.hpp"

#include <algorithm>
#include <cmath>

namespace prefdyn {

namespace {

void set_loss(RunConfig& c, const LossSpec& spec) {
    c.loss =
        static_cast<std::size_t>(std::ranges::find(loss_names(), spec.name) - loss_names().begin());
    c.label_smoothing = spec.label_smoothing;
    c.discopop_tau = spec.discopop_tau;
}

/// Ends before any margin can reach the kink at 1: m_i <= t 2 beta^2 ||zbar|| ||g_i||.
double before_the_kink(const RunConfig& c) {
    const FeatureSpec& f = c.features;
    const double size = 1.0 + f.distinguishability + f.common_norm;
    return 0.1 / (c.beta * c.beta * size * size * static_cast<double>(c.training.steps));
}

}  // namespace

RunConfig loss_run(RunConfig base, const std::string& name, Method method) {
    RunConfig c = std::move(base);
    const LossSpec spec = typical_loss(name, c.beta);
    const LossFacts facts = make_loss(spec)->facts();
    set_loss(c, spec);
    c.training.method = method;
    c.vocabulary = 8;
    c.reference_scale = 1.0;
    if (facts.form == LossForm::kPair) {
        c.engine = EngineKind::kDense;
        c.features.dimension = std::min<Index>(c.features.dimension, 8);
        c.features.samples = std::min<Index>(c.features.samples, 200);
    }
    if (!std::isfinite(facts.curvature_max))
        c.training.eta = 1.5 / std::max(std::fabs(facts.slope_at_zero), 0.25);
    if (method == Method::kFlow && name == "hinge") c.training.eta = before_the_kink(c);
    if (method == Method::kFlow && facts.form == LossForm::kSorted) {
        c.features.samples = std::min<Index>(c.features.samples, 30);
        c.training.flow_tolerance = 1e-7;
    }
    return c;
}

}  // namespace prefdyn
