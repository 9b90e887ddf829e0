#include "experiments/studies/losses/losses_study.hpp"

#include <algorithm>
#include <cmath>

#include "experiments/program/parallel.hpp"
#include "experiments/results/columns.hpp"
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
    c.features.samples = 200;
    c.features.dimension = 8;
    c.features.distinguishability = 2.0;
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

/// What the curves show.
const std::vector<Measured<Record>>& curve_measures() {
    static const auto all = chosen(record_measures(), {"time", "update_rate", "rewards_chosen",
                                                       "rewards_rejected", "rewards_accuracies"});
    return all;
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
    const double error = rounding_at_start(*engine, *task.loss) +
                         scale * rounding_at_start(*other, *dpo.loss) +
                         gamma_of(static_cast<double>(update.size()) + 8.0) * scale * rate_dpo;
    return {engine->frobenius(update), rate_dpo, factor * rate_dpo,
            engine->frobenius(update - factor * update_dpo), error};
}

LossCase run_case(const RunConfig& base, const std::string& loss) {
    const RunConfig descent = loss_run(base, loss, Method::kGradientDescent);
    return {run_synthetic(loss_run(base, loss, Method::kFlow)), run_synthetic(descent),
            initial_updates(descent)};
}

/// The verdict that counts: a violation, else what holds, else why nothing applies.
Verdict worst(const Claim& claim, const std::vector<const RunResult*>& runs) {
    Verdict out;
    for (const RunResult* run : runs) {
        const Evidence evidence = run->evidence();
        const Verdict v = theory::judge(claim, std::span(&evidence, 1));
        if (run == runs.front() ||
            theory::severity_rank(v.status) < theory::severity_rank(out.status))
            out = v;
    }
    return out;
}

class Collector {
  public:
    Collector(std::vector<Setting> settings, std::vector<std::vector<LossCase>> cases)
        : settings_(std::move(settings)), cases_(std::move(cases)) {}

    StudyOutcome collect(const std::vector<Claim>& claims) {
        for (const Claim& claim : claims) judge_first_updates(claim);
        put("losses_name", loss_names());
        facts();
        verdicts();
        shapes();
        curves();
        return std::move(out_);
    }

  private:
    template <class Value>
    void put(const std::string& name, std::vector<Value> values) {
        out_.values.emplace_back(name, std::move(values));
    }

    void judge_first_updates(const Claim& claim) {
        for (std::size_t l = 0; l < cases_.size(); ++l)
            for (std::size_t k = 0; k < settings_.size(); ++k) {
                const Evidence evidence = cases_[l][k].evidence();
                CaseRow row;
                row.study = "losses";
                row.claim = claim.id;
                row.setting = loss_names()[l] + ", " + settings_[k].name;
                row.verdict = theory::judge(claim, std::span(&evidence, 1));
                out_.cases.push_back(row);
            }
    }

    void facts() {
        const auto column = [&](const std::string& name, auto get) {
            std::vector<double> values;
            for (const auto& of_loss : cases_) values.push_back(get(of_loss[0].descent.facts.loss));
            put("losses_" + name, std::move(values));
        };
        column("value_at_zero", [](const LossFacts& f) { return f.value_at_zero; });
        column("slope_at_zero", [](const LossFacts& f) { return f.slope_at_zero; });
        column("slope_sum_at_zero", [](const LossFacts& f) { return f.slope_sum_at_zero; });
        column("infimum", [](const LossFacts& f) { return f.infimum; });
        column("curvature_max", [](const LossFacts& f) { return f.curvature_max; });
        column("convex", [](const LossFacts& f) { return f.convex ? 1.0 : 0.0; });
        column("monotone", [](const LossFacts& f) { return f.monotone ? 1.0 : 0.0; });
        column("margin_only",
               [](const LossFacts& f) { return f.form == LossForm::kMargin ? 1.0 : 0.0; });
        std::vector<double> ratio;
        for (const auto& of_loss : cases_)
            ratio.push_back(of_loss[0].updates.rate / of_loss[0].updates.rate_dpo);
        put("losses_rate_ratio", std::move(ratio));
    }

    void verdicts() {
        const auto claims = theory::select_claims(kRunClaims);
        std::vector<std::string> status, reason;
        for (const auto& of_loss : cases_) {
            std::vector<const RunResult*> runs;
            for (const LossCase& c : of_loss) runs.insert(runs.end(), {&c.flow, &c.descent});
            for (const Claim& claim : claims) {
                const Verdict v = worst(claim, runs);
                status.emplace_back(theory::status_name(v.status));
                reason.push_back(v.reason);
            }
        }
        put("losses_claim", gather(claims, [](const Claim& c) { return c.id; }));
        put("losses_status", std::move(status));
        put("losses_reason", std::move(reason));
    }

    void shapes() {
        std::vector<double> margin, phi;
        for (int k = -60; k <= 60; ++k) margin.push_back(0.1 * k);
        for (const auto& of_loss : cases_) {
            const auto loss = make_loss(loss_spec(of_loss[0].descent.config));
            for (const double m : margin) phi.push_back(loss->value(0.5 * m, -0.5 * m));
        }
        put("losses_margin", std::move(margin));
        put("losses_phi", std::move(phi));
    }

    void curves() {
        std::size_t length = 0;
        for (const auto& of_loss : cases_)
            length = std::max(length, of_loss[0].descent.trajectory.records.size());
        put("losses_record", count_to(length));
        for (const auto& m : curve_measures()) {
            std::vector<double> values(cases_.size() * length, std::nan(""));
            for (std::size_t l = 0; l < cases_.size(); ++l) {
                const auto& records = cases_[l][0].descent.trajectory.records;
                for (std::size_t k = 0; k < records.size(); ++k)
                    values[l * length + k] = m.get(records[k]);
            }
            put("losses_" + m.measure.name, std::move(values));
        }
    }

    std::vector<Setting> settings_;
    std::vector<std::vector<LossCase>> cases_;  ///< [loss][setting]
    StudyOutcome out_;
};

StudyOutcome run_losses(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    const auto all = settings(plan);
    std::vector<std::vector<LossCase>> cases(loss_names().size(),
                                             std::vector<LossCase>(all.size()));
    parallel_for("losses", cases.size() * all.size(), [&](std::size_t i) {
        const std::size_t loss = i / all.size(), setting = i % all.size();
        cases[loss][setting] = run_case(all[setting].base, loss_names()[loss]);
    });
    return Collector(all, std::move(cases)).collect(claims);
}

std::vector<Field> fields() {
    const std::vector<std::string> by_loss = {"losses_name"},
                                   table = {"losses_name", "losses_claim"},
                                   shape = {"losses_name", "losses_margin"},
                                   curve = {"losses_name", "losses_record"};
    std::vector<Field> out = {
        text_field("losses_name", by_loss, "loss, TRL's loss_type"),
        text_field("losses_claim", {"losses_claim"}, "claim about a run"),
        real_field("losses_margin", {"losses_margin"}, "", "reward margin m"),
        integer_field("losses_record", {"losses_record"}, "", "number of the recorded point"),
        real_field("losses_value_at_zero", by_loss, "nats", "phi(0)"),
        real_field("losses_slope_at_zero", by_loss, "",
                   "phi'(0); of a pair loss dphi/dr_w at (0, 0)"),
        real_field("losses_slope_sum_at_zero", by_loss, "", "dphi/dr_w + dphi/dr_l at (0, 0)"),
        real_field("losses_infimum", by_loss, "nats", "inf phi"),
        real_field("losses_curvature_max", by_loss, "",
                   "sup phi''; infinite for a kink, NaN if phi is not a function of the margin"),
        real_field("losses_convex", by_loss, "", "1 if phi is convex in its own arguments"),
        real_field("losses_monotone", by_loss, "", "1 if phi never increases with r_w"),
        real_field("losses_margin_only", by_loss, "", "1 if phi is a function of the row's margin"),
        real_field("losses_rate_ratio", by_loss, "", "R(0) over that of the DPO loss, same data"),
        text_field("losses_status", table, "worst verdict of the claim over the loss's runs"),
        text_field("losses_reason", table, "why it does not apply, or what is violated"),
        real_field("losses_phi", shape, "nats", "phi at r_w = m / 2, r_l = -m / 2"),
    };
    for (const auto& m : curve_measures())
        out.push_back(field_of(measure_as("losses_" + m.measure.name, m.measure.name,
                                          "gradient descent, balanced classes"),
                               curve));
    return out;
}

RunConfig seeded(std::uint64_t seed) {
    RunConfig c = plain();
    c.seed = seed;
    return c;
}

/// The first update of `loss`, judged as if its constants were what `forge` makes of them.
Control forged(const std::string& name, const std::string& fault, const std::string& loss,
               void (*forge)(LossFacts&)) {
    return {"T11", name, fault, [=](const Claim& claim, std::uint64_t seed) {
                LossCase c = run_case(seeded(seed), loss);
                forge(c.descent.facts.loss);
                const Evidence evidence = c.evidence();
                return theory::judge(claim, std::span(&evidence, 1), true);
            }};
}

Verdict update_turned(const Claim& claim, std::uint64_t seed) {
    LossCase c = run_case(seeded(seed), "ipo");
    c.updates.across = 0.01 * c.updates.rate;
    const Evidence evidence = c.evidence();
    return theory::judge(claim, std::span(&evidence, 1), true);
}

Verdict judge_presumed(const Claim& claim, const RunResult& run) {
    const Evidence evidence = run.evidence();
    return theory::judge(claim, std::span(&evidence, 1), true);
}

/// DiscoPOP is concave at zero, so its rate rises at first.
Control nonconvex(const std::string& claim) {
    return {claim, "discopop for convex", "a loss that is concave at zero is taken for convex",
            [](const Claim& c, std::uint64_t seed) {
                return judge_presumed(
                    c, run_synthetic(loss_run(seeded(seed), "discopop", Method::kFlow)));
            }};
}

Control wrong_curvature(const std::string& claim) {
    return {claim, "curvature of another loss", "ipo is held to the curvature of the DPO loss",
            [](const Claim& c, std::uint64_t seed) {
                RunResult run = run_synthetic(loss_run(seeded(seed), "ipo", Method::kFlow));
                run.facts.loss.curvature_max = 0.25;
                return judge_presumed(c, run);
            }};
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
        wrong_curvature("T3a"),
    };
}

}  // namespace

Study losses_study() { return {"losses", {"T11"}, fields(), run_losses, {}, loss_controls()}; }

}  // namespace prefdyn
