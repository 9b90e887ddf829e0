#include "experiments/studies/probabilities/squeezing_panels.hpp"

#include "sim/base/legacy_random.hpp"

namespace prefdyn {

namespace {

constexpr Index kTokens = 50, kPanelDimension = 4;

struct PublishedDraws {
    RowMatrix x;                     ///< (1, 4)
    RowMatrix uniform, flat, peaky;  ///< heads (50, 4)
};

/// One update of size 1 towards tokens 5 to 12 with a target that sums to 8, as published.
void make_peaky(RowMatrix& head, const RowMatrix& x) {
    Vector residual = log_policy(head, x).row(0).array().exp();
    residual.segment(5, 8).array() -= 1.0;
    head -= residual * x;
}

PublishedDraws publish_draws() {
    LegacyRandom random(10086);
    PublishedDraws out;
    out.x = random.gaussian(kPanelDimension, 1).transpose();
    out.uniform = random.gaussian(kPanelDimension, kTokens).transpose();
    out.flat =
        (1.0 + 0.05 * random.gaussian(kPanelDimension, kTokens).array()).matrix().transpose();
    out.peaky = random.gaussian(kPanelDimension, kTokens).transpose();
    make_peaky(out.peaky, out.x);
    return out;
}

SqueezingPanel make_panel(const std::string& name, const RowMatrix& x, const RowMatrix& head,
                          Objective objective, Index chosen, Index rejected, double eta) {
    SqueezingPanel out{name, objective, chosen, rejected, eta, {}, {}, {}};
    out.facts.pairs = {x, x, {chosen}, {rejected}};
    out.facts.objective = objective;
    out.facts.head = out.facts.reference = head;
    out.facts.contexts = x.replicate(2, 1);
    measure_path(out.facts, honest_trainer(out.facts), eta * x.squaredNorm(), 1);
    out.before = out.facts.path.front().logp.row(0).array().exp();
    out.after = out.facts.path.back().logp.row(0).array().exp();
    return out;
}

}  // namespace

std::vector<SqueezingPanel> squeezing_panels() {
    const PublishedDraws d = publish_draws();
    return {
        make_panel("A: positive only", d.x, d.uniform, Objective::kSft, 21, 0, 0.5),
        make_panel("B: negative, flat", d.x, d.flat, Objective::kUnlikelihood, 0, 42, 0.3),
        make_panel("C: negative on a peak", d.x, d.peaky, Objective::kUnlikelihood, 0, 11, 0.5),
        make_panel("D as committed: token 25 pulled too, pi cancels, no squeezing", d.x, d.peaky,
                   Objective::kPushPull, 25, 42, 0.5),
        make_panel("D pure: negative in a valley", d.x, d.peaky, Objective::kUnlikelihood, 0, 42,
                   0.5),
    };
}

}  // namespace prefdyn
