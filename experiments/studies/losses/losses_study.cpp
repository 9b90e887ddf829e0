#include "experiments/studies/losses/losses_study.hpp"

#include <algorithm>

#include "experiments/program/parallel.hpp"
#include "experiments/runs/loss_run.hpp"
#include "experiments/runs/run_measures.hpp"
#include "sim/base/ball.hpp"
#include "sim/base/substream.hpp"
#include "sim/head/error_model.hpp"
#include "theory/loss_scaling.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::Status;
using theory::Verdict;

const std::string kRunClaims = "T1,T2a,T2b,T3a,T3b,T3c,T4a,T4b";

struct Setting {
    std::string name;
    RunConfig base;
};

RunConfig plain() {
    RunConfig c;
    c.features = plain_features(200, 8, 2.0);
    c.training.steps = 300;
    c.training.records = 30;
    c.training.spacing = Spacing::kLogarithmic;
    c.eta_kappa = 0.05;
    return c;
}

/// The first setting's gradient descent is what the curves show.
std::vector<Setting> settings(const VerifyPlan& plan) {
    std::vector<Setting> out = {{"balanced", plain()}, {"imbalance, common mean", plain()}};
    out[1].base.features.p_plus = 0.3;
    out[1].base.features.common_norm = 2.0;
    if (plan.profile != Profile::kQuick) {
        out.insert(out.end(), {{"no signal", plain()}, {"large D", plain()}, {"beta 1", plain()}});
        out[2].base.features.distinguishability = 0.0;
        out[3].base.features.distinguishability = 8.0;
        out[4].base.beta = 1.0;
    }
    for (std::size_t k = 0; k < out.size(); ++k) {
        out[k].base.seed = derive_seed(plan.seed, Substream::kLosses, k) >> 1;
        out[k].base.device = plan.device;
    }
    return out;
}

/// Everything about one loss in one setting.
struct LossCase {
    RunResult flow, descent;
    theory::InitialUpdates updates{};

    Evidence evidence() const {
        Evidence e = descent.evidence();
        e.of = theory::UpdatesCase(&descent.statistics, &descent.trajectory, &updates);
        return e;
    }
};

Vector first_update(const PolicyEngine& engine) {
    Vector direction;
    engine.descent(engine.initial(), {}, direction);
    return direction;
}

/// Both losses on the engine that trains the loss in question.
theory::InitialUpdates initial_updates(const RunConfig& config) {
    const Dataset data = FeatureDistribution(feature_spec(config), config.seed)
                             .sample(config.seed, false, config.device);
    const PreferenceTask task = preference_task(config, data);
    PreferenceTask dpo = task;
    dpo.loss = make_loss("sigmoid");
    const auto engine = make_engine(config.engine, task), other = make_engine(config.engine, dpo);
    const Vector update = first_update(*engine), update_dpo = first_update(*other);
    const double factor = update.dot(update_dpo) / update_dpo.squaredNorm();
    const double rate_dpo = engine->frobenius(update_dpo);
    const double scale = 2.0 * std::fabs(task.loss->facts().slope_at_zero);
    const double error = ErrorModel(*engine, *task.loss).rounding_at_start() +
                         scale * ErrorModel(*other, *dpo.loss).rounding_at_start() +
                         gamma_of(static_cast<double>(update.size()) + 8.0) * scale * rate_dpo;
    return {engine->frobenius(update), rate_dpo, factor * rate_dpo,
            engine->frobenius(update - factor * update_dpo), error};
}

LossCase run_case(const RunConfig& base, const std::string& loss) {
    const RunConfig descent = loss_run(base, loss, Method::kGradientDescent);
    return {run_synthetic(loss_run(base, loss, Method::kFlow)), run_synthetic(descent),
            initial_updates(descent)};
}

/// One loss in every setting; curves and constants are of the first.
struct LossOutcome {
    std::string name;
    std::vector<LossCase> cases;    ///< (setting)
    std::vector<Verdict> verdicts;  ///< of kRunClaims, the worst over all runs

    const LossFacts& facts() const { return cases[0].descent.facts.loss; }
};

/// The verdict that counts: a violation, else what holds, else why nothing applies.
Verdict worst(const Claim& claim, const std::vector<LossCase>& cases) {
    std::vector<Verdict> all;
    for (const LossCase& c : cases)
        for (const RunResult* run : {&c.flow, &c.descent})
            all.push_back(judge_case(claim, run->evidence()));
    return *std::ranges::min_element(
        all, {}, [](const Verdict& v) { return theory::severity_rank(v.status); });
}

std::vector<double> margin_grid() {
    std::vector<double> out;
    for (int k = -60; k <= 60; ++k) out.push_back(0.1 * k);
    return out;
}

std::vector<double> shape(const LossOutcome& outcome) {
    const auto loss = make_loss(loss_spec(outcome.cases[0].descent.config));
    return gather(margin_grid(), [&](double m) { return loss->value(0.5 * m, -0.5 * m); });
}

using Outcomes = std::vector<LossOutcome>;

RecordCurves curves_of(const Outcomes& all) {
    return RecordCurves(gather(all, [](const auto& o) { return &o.cases[0].descent.trajectory; }));
}

std::vector<Filled<Outcomes>> fields() {
    using O = const LossOutcome&;
    const std::string loss = "losses_name", claim = "losses_claim", margin = "losses_margin",
                      record = "losses_record";
    const std::vector<std::string> by_loss = {loss}, table = {loss, claim};
    std::vector<Filled<Outcomes>> out = {
        {loss, "", "loss, TRL's loss_type", &LossOutcome::name},
        {claim, "", "claim about a run",
         [](const Outcomes&) { return gather(theory::select_claims(kRunClaims), &Claim::id); }},
        {margin, "", "reward margin m", [](const Outcomes&) { return margin_grid(); }},
        {record, "", "number of the recorded point",
         [](const Outcomes& all) { return count_to(curves_of(all).length()); }},
        {"losses_value_at_zero", by_loss, "nats", "phi(0)",
         [](O o) { return o.facts().value_at_zero; }},
        {"losses_slope_at_zero", by_loss, "", "phi'(0); of a pair loss dphi/dr_w at (0, 0)",
         [](O o) { return o.facts().slope_at_zero; }},
        {"losses_slope_sum_at_zero", by_loss, "", "dphi/dr_w + dphi/dr_l at (0, 0)",
         [](O o) { return o.facts().slope_sum_at_zero; }},
        {"losses_infimum", by_loss, "nats", "inf phi", [](O o) { return o.facts().infimum; }},
        {"losses_curvature_max", by_loss, "",
         "sup phi''; infinite for a kink, NaN if phi is not a function of the margin",
         [](O o) { return o.facts().curvature_max; }},
        {"losses_convex", by_loss, "", "1 if phi is convex in its own arguments",
         [](O o) { return o.facts().convex ? 1.0 : 0.0; }},
        {"losses_monotone", by_loss, "", "1 if phi never increases with r_w",
         [](O o) { return o.facts().monotone ? 1.0 : 0.0; }},
        {"losses_margin_only", by_loss, "", "1 if phi is a function of the row's margin",
         [](O o) { return o.facts().form == LossForm::kMargin ? 1.0 : 0.0; }},
        {"losses_rate_ratio", by_loss, "", "R(0) over that of the DPO loss, same data",
         [](O o) { return o.cases[0].updates.rate / o.cases[0].updates.rate_dpo; }},
        {"losses_status", table, "", "worst verdict of the claim over the loss's runs",
         [](O o) {
             return gather(o.verdicts, [](const Verdict& v) {
                 return std::string(theory::status_name(v.status));
             });
         }},
        {"losses_reason", table, "", "why it does not apply, or what is violated",
         [](O o) { return gather(o.verdicts, &Verdict::reason); }},
        {"losses_phi", {loss, margin}, "nats", "phi at r_w = m / 2, r_l = -m / 2", shape},
    };
    for (const auto& m : chosen(record_measures(), {"time", "update_rate", "rewards_chosen",
                                                    "rewards_rejected", "rewards_accuracies"}))
        out.push_back({field_of(measure_as("losses_" + m.measure.name, m.measure.name,
                                           "gradient descent, balanced classes"),
                                {loss, record}),
                       [get = m.get](const Outcomes& all) { return curves_of(all).of(get); }});
    return out;
}

StudyOutcome run_losses(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    const auto all = settings(plan);
    Outcomes outcomes;
    for (const std::string& name : loss_names())
        outcomes.push_back({name, std::vector<LossCase>(all.size()), {}});
    parallel_for("losses", outcomes.size() * all.size(), [&](std::size_t i) {
        LossOutcome& of_loss = outcomes[i / all.size()];
        of_loss.cases[i % all.size()] = run_case(all[i % all.size()].base, of_loss.name);
    });
    StudyOutcome out;
    for (const Claim& claim : claims)
        for (const LossOutcome& o : outcomes)
            for (std::size_t k = 0; k < all.size(); ++k)
                out.judge("losses", claim, o.name + ", " + all[k].name, o.cases[k].evidence());
    for (LossOutcome& o : outcomes)
        for (const Claim& claim : theory::select_claims(kRunClaims))
            o.verdicts.push_back(worst(claim, o.cases));
    out.put(fields(), outcomes);
    return out;
}

RunConfig seeded(std::uint64_t seed) {
    RunConfig c = plain();
    c.seed = seed;
    return c;
}

/// The first update of `loss`, judged on what `forge` makes of its constants.
Control forged(const std::string& name, const std::string& fault, const std::string& loss,
               void (*forge)(LossFacts&)) {
    return {"T11", name, fault, [=](const Claim& claim, std::uint64_t seed) {
                LossCase c = run_case(seeded(seed), loss);
                forge(c.descent.facts.loss);
                return judge_run(claim, c);
            }};
}

Verdict update_turned(const Claim& claim, std::uint64_t seed) {
    LossCase c = run_case(seeded(seed), "ipo");
    c.updates.across = 0.01 * c.updates.rate;
    return judge_run(claim, c);
}

/// DiscoPOP is concave at zero, so its rate rises at first.
Control nonconvex(const std::string& claim) {
    return {claim, "discopop for convex", "a loss that is concave at zero is taken for convex",
            [](const Claim& c, std::uint64_t seed) {
                return judge_run(c,
                                 run_synthetic(loss_run(seeded(seed), "discopop", Method::kFlow)));
            }};
}

Verdict wrong_curvature(const Claim& claim, std::uint64_t seed) {
    RunResult run = run_synthetic(loss_run(seeded(seed), "ipo", Method::kFlow));
    run.facts.loss.curvature_max = 0.25;
    return judge_run(claim, run);
}

std::vector<Control> loss_controls() {
    return {
        forged("label smoothing forgotten", "cdpo with eps = 0.1 is held to the DPO loss's slope",
               "cdpo", [](LossFacts& facts) { facts.slope_at_zero = -0.5; }),
        forged("sign of the slope", "phi'(0) of discopop is taken for negative", "discopop",
               [](LossFacts& facts) { facts.slope_at_zero = -facts.slope_at_zero; }),
        forged("slopes that do not cancel", "apo_down is taken for a loss of the margin",
               "apo_down", [](LossFacts& facts) { facts.slope_sum_at_zero = 0.0; }),
        {"T11", "update turned", "the first update is turned by half a degree", update_turned},
        nonconvex("T2a"),
        nonconvex("T2b"),
        nonconvex("T4b"),
        {"T3a", "curvature of another loss", "ipo is held to the curvature of the DPO loss",
         wrong_curvature},
    };
}

}  // namespace

Study losses_study() {
    return {"losses", {"T11"}, fields_of(fields()), run_losses, {}, loss_controls()};
}

}  // namespace prefdyn
