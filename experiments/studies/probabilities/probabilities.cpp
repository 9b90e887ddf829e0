#include "experiments/studies/probabilities/probabilities.hpp"

#include <algorithm>

#include "experiments/program/parallel.hpp"
#include "experiments/studies/probabilities/probability_controls.hpp"
#include "experiments/studies/probabilities/squeezing_panels.hpp"
#include "sim/base/rank_correlation.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

constexpr double kStepSize = 0.5;  ///< c of a step, in logits
constexpr Index kSteps = 40;

/// Mass of `pi` outside the two tokens.
double third_mass(const Vector& pi, Index a, Index b) {
    return pi.sum() - pi(a) - (a == b ? 0.0 : pi(b));
}

Index likeliest_but(const Vector& pi, Index token) {
    Index best = token == 0 ? 1 : 0;
    for (Index v = 0; v < pi.size(); ++v)
        if (v != token && pi(v) > pi(best)) best = v;
    return best;
}

const std::string kPrefix = "probabilities_";

std::vector<double> rho_grid(Profile profile) {
    const int half = profile == Profile::kQuick ? 5 : profile == Profile::kDefault ? 20 : 50;
    std::vector<double> out;
    for (int k = -half; k <= half; ++k) out.push_back(static_cast<double>(k) / half);
    return out;
}

/// Displacement over rho under one set of dials.
struct DialCurve {
    ContextDials dials;
    std::vector<double> rho;
    std::vector<Displacement> points;  ///< (rho)
};

double ches_correlation(const DialCurve& curve) {
    return rank_correlation(gather(curve.points, &Displacement::ches),
                            gather(curve.points, [](const auto& p) { return -p.chosen; }));
}

using DialCurves = std::vector<DialCurve>;

/// A number of every point.
Filled<DialCurves> over_rho(const std::string& name, const std::string& unit,
                            const std::string& words, double Displacement::*value) {
    return {kPrefix + name,
            {kPrefix + "dial", kPrefix + "rho"},
            unit,
            words,
            [value](const DialCurve& curve) { return gather(curve.points, value); }};
}

std::vector<Filled<DialCurves>> curve_fields() {
    using C = const DialCurve&;
    const std::string dial = kPrefix + "dial";
    const std::vector<std::string> one = {dial};
    const std::string run = " over " + std::to_string(kSteps) + " DPO steps of " +
                            std::to_string(kStepSize).substr(0, 3) + " logits";
    return {
        {dial, "", "name of a curve: what differs from V = 50, both 0.1",
         [](C c) { return c.dials.name; }},
        {kPrefix + "rho", "", "cosine of the contexts g_+ and g_-",
         [](const DialCurves& all) { return all.front().rho; }},
        {dial + "_vocabulary", one, "tokens", "V",
         [](C c) { return static_cast<double>(c.dials.vocabulary); }},
        {dial + "_chosen", one, "", "pi(y_+ | g_+) before training",
         [](C c) { return c.dials.chosen; }},
        {dial + "_rejected", one, "", "pi(y_- | g_-) before training at rho = 0 and norm_ratio = 1",
         [](C c) { return c.dials.rejected; }},
        {dial + "_spread", one, "nats", "standard deviation of the other tokens' logits: peakiness",
         [](C c) { return c.dials.spread; }},
        {dial + "_norm_ratio", one, "", "||g_-|| / ||g_+||",
         [](C c) { return c.dials.norm_ratio; }},
        {dial + "_same_token", one, "", "1 if y_- = y_+",
         [](C c) { return c.dials.same_token ? 1.0 : 0.0; }},
        over_rho("chosen_rate", "nats / nat",
                 "first-order change of log pi(y_+ | g_+) per logit added to y_+; negative: "
                 "displacement",
                 &Displacement::chosen_rate),
        over_rho("rejected_initial", "", "pi(y_- | g_-) before training",
                 &Displacement::rejected_initial),
        over_rho("chosen_change", "nats", "change of log pi(y_+ | g_+)" + run,
                 &Displacement::chosen),
        over_rho("rejected_change", "nats", "change of log pi(y_- | g_-)" + run,
                 &Displacement::rejected),
        over_rho("third_change_plus", "",
                 "change of the mass at g_+ on tokens other than y_+, y_-" + run,
                 &Displacement::third_plus),
        over_rho("third_change_minus", "",
                 "change of the mass at g_- on tokens other than y_+, y_-" + run,
                 &Displacement::third_minus),
        over_rho("peak_change_minus", "",
                 "change of the mass at g_- of what was its likeliest token other than y_-" + run,
                 &Displacement::peak_minus),
        over_rho("ches", "feature units^2", "CHES score <g_-, g_+> - ||g_+||^2",
                 &Displacement::ches),
        {kPrefix + "ches_rank_correlation", one, "",
         "rank correlation over rho of CHES and the fall of log pi(y_+ | g_+)", ches_correlation},
    };
}

DialCurves measure_curves(const VerifyPlan& plan) {
    const auto rho = rho_grid(plan.profile);
    DialCurves out;
    for (ContextDials& dials : displacement_dials())
        out.push_back({std::move(dials), rho, std::vector<Displacement>(rho.size())});
    parallel_for("displacement", out.size() * rho.size(), [&](std::size_t k) {
        DialCurve& curve = out[k / rho.size()];
        ContextDials point = curve.dials;
        point.rho = rho[k % rho.size()];
        curve.points[k % rho.size()] = measure_displacement(
            point, derive_seed(plan.seed, Substream::kProbabilityCurves, k / rho.size()));
    });
    return out;
}

using Panels = std::vector<SqueezingPanel>;

std::vector<Filled<Panels>> panel_fields() {
    using P = const SqueezingPanel&;
    const std::string panel = kPrefix + "panel", token = kPrefix + "token";
    const std::vector<std::string> one = {panel}, each = {panel, token};
    const auto pulled = [](P p) { return p.objective != Objective::kUnlikelihood ? p.chosen : -1; };
    const auto pushed = [](P p) { return p.objective != Objective::kSft ? p.rejected : -1; };
    return {
        {panel, "",
         "published squeezing panel; in D as committed a pulled token cancels pi: no squeezing",
         &SqueezingPanel::name},
        {token, "", "token of the panels",
         [](const Panels& all) {
             return count_to(static_cast<std::size_t>(all[0].before.size()));
         }},
        {panel + "_before", each, "", "pi(. | x) before the panel's one update",
         [](P p) { return std::vector<double>(p.before.begin(), p.before.end()); }},
        {panel + "_after", each, "", "pi(. | x) after the panel's one update",
         [](P p) { return std::vector<double>(p.after.begin(), p.after.end()); }},
        {panel + "_token", one, "", "y the panel is about",
         [=](P p) { return pushed(p) < 0 ? p.chosen : p.rejected; }},
        {panel + "_pulled", one, "", "token with a positive gradient, -1 if none", pulled},
        {panel + "_pushed", one, "", "token with a negative gradient, -1 if none", pushed},
    };
}

/// Cases of one setting in a row are one verdict.
void judge_cases(const theory::Claim& claim, const std::vector<ProbabilityCase>& cases,
                 StudyOutcome& out) {
    std::vector<std::pair<std::string, std::vector<theory::Evidence>>> settings;
    for (const ProbabilityCase& c : cases) {
        if (c.claim != claim.id) continue;
        auto at = std::ranges::find_if(settings, [&](auto& s) { return s.first == c.setting; });
        if (at == settings.end()) at = settings.insert(at, {c.setting, {}});
        at->second.push_back(evidence_of(c.facts));
    }
    for (const auto& [setting, evidence] : settings)
        out.judge("probabilities", claim, setting, evidence);
}

StudyOutcome run(const std::vector<theory::Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    const auto cases =
        probability_cases(plan.profile, derive_seed(plan.seed, Substream::kProbabilityCases));
    for (const auto& claim : claims) judge_cases(claim, cases, out);
    out.put(curve_fields(), measure_curves(plan));
    out.put(panel_fields(), squeezing_panels());
    put_influence(out, derive_seed(plan.seed, Substream::kInfluence));
    return out;
}

}  // namespace

Displacement measure_displacement(const ContextDials& dials, std::uint64_t seed) {
    const theory::InfluenceFacts f = make_facts(dials, seed);
    const Index yes = f.pairs.chosen[0], no = f.pairs.rejected[0];
    const double eta = step_size(f, kStepSize);
    const RowMatrix head = honest_trainer(f).train(f.head, eta, kSteps);
    const RowMatrix before = log_policy(f.head, f.contexts), after = log_policy(head, f.contexts);
    const auto pi = [](const RowMatrix& log_pi, Index o) {
        return Vector(log_pi.row(o).array().exp());
    };
    const Index peak = likeliest_but(pi(before, 1), no);
    return {theory::chosen_rate(f) * eta / kStepSize,
            pi(before, 1)(no),
            after(0, yes) - before(0, yes),
            after(1, no) - before(1, no),
            third_mass(pi(after, 0), yes, no) - third_mass(pi(before, 0), yes, no),
            third_mass(pi(after, 1), yes, no) - third_mass(pi(before, 1), yes, no),
            pi(after, 1)(peak) - pi(before, 1)(peak),
            theory::ches(f.pairs.plus.row(0), f.pairs.minus.row(0))};
}

Study probabilities_study() {
    return {"probabilities",
            {"T12a", "T12b", "T12c", "T12d", "T12e"},
            fields_of(curve_fields(), panel_fields(), influence_fields()),
            run,
            {},
            probability_controls()};
}

}  // namespace prefdyn
