#include "experiments/studies/probabilities/probabilities.hpp"

#include <algorithm>
#include <cmath>

#include "experiments/program/parallel.hpp"
#include "experiments/results/columns.hpp"
#include "experiments/studies/probabilities/probability_controls.hpp"
#include "experiments/studies/probabilities/squeezing_panels.hpp"
#include "sim/base/rank_correlation.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

using theory::InfluenceFacts;

constexpr double kStepSize = 0.5;  ///< c of a step, in logits
constexpr Index kSteps = 40;

struct DialColumn {
    std::string name, unit, description;
    std::function<double(const ContextDials&)> get;
};

std::vector<DialColumn> dial_columns() {
    using D = const ContextDials&;
    return {
        {"vocabulary", "tokens", "V", [](D d) { return static_cast<double>(d.vocabulary); }},
        {"chosen", "", "pi(y_+ | g_+) before training", [](D d) { return d.chosen; }},
        {"rejected", "", "pi(y_- | g_-) before training at rho = 0 and norm_ratio = 1",
         [](D d) { return d.rejected; }},
        {"spread", "nats", "standard deviation of the other tokens' logits: peakiness",
         [](D d) { return d.spread; }},
        {"norm_ratio", "", "||g_-|| / ||g_+||", [](D d) { return d.norm_ratio; }},
        {"same_token", "", "1 if y_- = y_+", [](D d) { return d.same_token ? 1.0 : 0.0; }},
    };
}

struct CurveColumn {
    std::string name, unit, description;
    double Displacement::*value;
};

std::vector<CurveColumn> curve_columns() {
    const std::string run = " over " + std::to_string(kSteps) + " DPO steps of " +
                            std::to_string(kStepSize).substr(0, 3) + " logits";
    return {
        {"chosen_rate", "nats / nat",
         "first-order change of log pi(y_+ | g_+) per logit added to y_+; negative: displacement",
         &Displacement::chosen_rate},
        {"rejected_initial", "", "pi(y_- | g_-) before training", &Displacement::rejected_initial},
        {"chosen_change", "nats", "change of log pi(y_+ | g_+)" + run, &Displacement::chosen},
        {"rejected_change", "nats", "change of log pi(y_- | g_-)" + run, &Displacement::rejected},
        {"third_change_plus", "", "change of the mass at g_+ on tokens other than y_+, y_-" + run,
         &Displacement::third_plus},
        {"third_change_minus", "", "change of the mass at g_- on tokens other than y_+, y_-" + run,
         &Displacement::third_minus},
        {"peak_change_minus", "",
         "change of the mass at g_- of what was its likeliest token other than y_-" + run,
         &Displacement::peak_minus},
        {"ches", "feature units^2", "CHES score <g_-, g_+> - ||g_+||^2", &Displacement::ches},
    };
}

const std::string kPrefix = "probabilities_";

std::vector<Field> fields() {
    const std::string dial = kPrefix + "dial", rho = kPrefix + "rho", panel = kPrefix + "panel",
                      token = kPrefix + "token";
    std::vector<Field> out = {
        text_field(dial, {dial}, "name of a curve: what differs from V = 50, both 0.1"),
        real_field(rho, {rho}, "", "cosine of the contexts g_+ and g_-"),
        text_field(
            panel, {panel},
            "published squeezing panel; in D as committed a pulled token cancels pi: no squeezing"),
        integer_field(token, {token}, "", "token of the panels"),
    };
    for (const auto& c : dial_columns())
        out.push_back(real_field(kPrefix + "dial_" + c.name, {dial}, c.unit, c.description));
    for (const auto& c : curve_columns())
        out.push_back(real_field(kPrefix + c.name, {dial, rho}, c.unit, c.description));
    out.push_back(
        real_field(kPrefix + "ches_rank_correlation", {dial}, "",
                   "rank correlation over rho of CHES and the fall of log pi(y_+ | g_+)"));
    for (const std::string when : {"before", "after"})
        out.push_back(real_field(kPrefix + "panel_" + when, {panel, token}, "",
                                 "pi(. | x) " + when + " the panel's one update"));
    out.push_back(integer_field(kPrefix + "panel_token", {panel}, "", "y the panel is about"));
    out.push_back(integer_field(kPrefix + "panel_pulled", {panel}, "",
                                "token with a positive gradient, -1 if none"));
    out.push_back(integer_field(kPrefix + "panel_pushed", {panel}, "",
                                "token with a negative gradient, -1 if none"));
    for (const Field& field : influence_fields()) out.push_back(field);
    return out;
}

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

using Values = std::vector<std::pair<std::string, ResultWriter::Values>>;

std::vector<double> rho_grid(Profile profile) {
    const int half = profile == Profile::kQuick ? 5 : profile == Profile::kDefault ? 20 : 50;
    std::vector<double> out;
    for (int k = -half; k <= half; ++k) out.push_back(static_cast<double>(k) / half);
    return out;
}

void put_dials(const std::vector<ContextDials>& dials, Values& out) {
    for (const auto& c : dial_columns())
        out.emplace_back(kPrefix + "dial_" + c.name, gather(dials, c.get));
}

std::vector<double> ches_correlation(const std::vector<Displacement>& grid, std::size_t curves) {
    const std::size_t points = grid.size() / curves;
    std::vector<double> out;
    for (std::size_t k = 0; k < curves; ++k) {
        std::vector<double> score, fall;
        for (std::size_t j = k * points; j < (k + 1) * points; ++j) {
            score.push_back(grid[j].ches);
            fall.push_back(-grid[j].chosen);
        }
        out.push_back(rank_correlation(score, fall));
    }
    return out;
}

void put_curves(const VerifyPlan& plan, Values& out) {
    const auto dials = displacement_dials();
    const auto rho = rho_grid(plan.profile);
    std::vector<Displacement> grid(dials.size() * rho.size());
    parallel_for("displacement", grid.size(), [&](std::size_t k) {
        ContextDials point = dials[k / rho.size()];
        point.rho = rho[k % rho.size()];
        grid[k] = measure_displacement(
            point, derive_seed(plan.seed, Substream::kProbabilityCurves, k / rho.size()));
    });
    out.emplace_back(kPrefix + "dial", gather(dials, [](const auto& d) { return d.name; }));
    out.emplace_back(kPrefix + "rho", rho);
    put_dials(dials, out);
    for (const auto& c : curve_columns())
        out.emplace_back(kPrefix + c.name,
                         gather(grid, [&](const auto& point) { return point.*c.value; }));
    out.emplace_back(kPrefix + "ches_rank_correlation", ches_correlation(grid, dials.size()));
}

void put_panels(Values& out) {
    const auto panels = squeezing_panels();
    std::vector<double> before, after;
    for (const auto& panel : panels) {
        before.insert(before.end(), panel.before.begin(), panel.before.end());
        after.insert(after.end(), panel.after.begin(), panel.after.end());
    }
    const auto tokens = [&](auto get) {
        return gather(panels, [&](const auto& p) { return static_cast<std::int64_t>(get(p)); });
    };
    const auto pulls = [](const auto& p) { return p.objective != Objective::kUnlikelihood; };
    const auto pushes = [](const auto& p) { return p.objective != Objective::kSft; };
    out.emplace_back(kPrefix + "panel", gather(panels, [](const auto& p) { return p.name; }));
    out.emplace_back(kPrefix + "token",
                     count_to(static_cast<std::size_t>(panels[0].before.size())));
    out.emplace_back(kPrefix + "panel_before", before);
    out.emplace_back(kPrefix + "panel_after", after);
    out.emplace_back(kPrefix + "panel_token",
                     tokens([&](const auto& p) { return pushes(p) ? p.rejected : p.chosen; }));
    out.emplace_back(kPrefix + "panel_pulled",
                     tokens([&](const auto& p) { return pulls(p) ? p.chosen : Index{-1}; }));
    out.emplace_back(kPrefix + "panel_pushed",
                     tokens([&](const auto& p) { return pushes(p) ? p.rejected : Index{-1}; }));
}

/// Cases of one setting in a row are one verdict.
void judge_cases(const theory::Claim& claim, const std::vector<ProbabilityCase>& cases,
                 std::vector<CaseRow>& out) {
    std::vector<std::string> settings;
    for (const auto& c : cases)
        if (c.claim == claim.id &&
            std::find(settings.begin(), settings.end(), c.setting) == settings.end())
            settings.push_back(c.setting);
    for (const std::string& setting : settings) {
        std::vector<theory::Evidence> evidence;
        for (const auto& c : cases)
            if (c.claim == claim.id && c.setting == setting)
                evidence.push_back(evidence_of(c.facts));
        CaseRow row;
        row.study = "probabilities";
        row.claim = claim.id;
        row.setting = setting;
        row.verdict = theory::judge(claim, evidence);
        out.push_back(row);
    }
}

StudyOutcome run(const std::vector<theory::Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    const auto cases =
        probability_cases(plan.profile, derive_seed(plan.seed, Substream::kProbabilityCases));
    for (const auto& claim : claims) judge_cases(claim, cases, out.cases);
    put_curves(plan, out.values);
    put_panels(out.values);
    put_influence(out, derive_seed(plan.seed, Substream::kInfluence));
    return out;
}

}  // namespace

Displacement measure_displacement(const ContextDials& dials, std::uint64_t seed) {
    const InfluenceFacts f = make_facts(dials, seed);
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
    return {"probabilities",       {"T12a", "T12b", "T12c", "T12d", "T12e"}, fields(), run, {},
            probability_controls()};
}

}  // namespace prefdyn
