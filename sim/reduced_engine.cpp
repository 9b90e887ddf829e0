#include "sim/reduced_engine.hpp"

#include <cmath>

#include "sim/margin_kernel.hpp"
#include "sim/numerics.hpp"

namespace prefdyn {

ReducedEngine::ReducedEngine(const PreferenceTask& task)
    : task_(task),
      reference_{reference_logits(task.policy, task.train.features),
                 reference_logits(task.policy, task.held_out.features)} {}

double ReducedEngine::descent(const Vector& theta, std::span<const Index> rows,
                              Vector& direction) const {
    const MarginPass pass{task_.train.features, task_.train.label, *task_.loss, task_.policy.beta,
                          rows};
    return margin_pass(pass, theta, direction, nullptr);
}

void ReducedEngine::evaluate(const Vector& theta, Split split, Responses& out,
                             Vector* direction) const {
    const Dataset& set = data(split);
    out.margin.resize(set.samples());
    if (direction && split == Split::kTrain) {
        const MarginPass pass{set.features, set.label, *task_.loss, task_.policy.beta, {}};
        margin_pass(pass, theta, *direction, out.margin.data());
    } else {
        margins_only(set.features, set.label, task_.policy.beta, theta, out.margin.data());
    }
    log_probabilities(split, out);
}

void ReducedEngine::log_probabilities(Split split, Responses& out) const {
    const Dataset& set = data(split);
    const ReferenceLogits& z0 = reference_[static_cast<int>(split)];
    out.logp_chosen.resize(set.samples());
    out.logp_rejected.resize(set.samples());
    for (Index i = 0; i < set.samples(); ++i) {
        const double s = set.label[static_cast<std::size_t>(i)];
        const double shift = s * out.margin(i) / (2.0 * task_.policy.beta);  // g_i . v
        const double yes = z0.yes(i) + shift, no = z0.no(i) - shift;
        const double normaliser = logaddexp(z0.rest(i), logaddexp(yes, no));
        out.logp_chosen(i) = (s > 0.0 ? yes : no) - normaliser;
        out.logp_rejected(i) = (s > 0.0 ? no : yes) - normaliser;
    }
}

double ReducedEngine::frobenius(const Vector& flat) const { return std::sqrt(2.0) * flat.norm(); }

HeadNorms ReducedEngine::change(const Vector& theta) const {
    const double norm = frobenius(theta);
    return {norm, norm};
}

}  // namespace prefdyn
