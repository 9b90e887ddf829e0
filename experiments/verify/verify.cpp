#include "experiments/verify/verify.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "experiments/program/parallel.hpp"
#include "experiments/program/phases.hpp"
#include "experiments/verify/controls.hpp"
#include "experiments/verify/studies.hpp"
#include "sim/base/rank_correlation.hpp"
#include "theory/formula/formula_claim.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

std::vector<theory::Verdict> judge_all(const std::vector<theory::Claim>& claims,
                                       const theory::Evidence& evidence) {
    std::vector<theory::Verdict> out(claims.size());
    for (std::size_t c = 0; c < claims.size(); ++c)
        if (claims[c].scope == theory::Scope::kRun)
            out[c] = theory::judge_closely(claims[c], evidence);
        else
            out[c].reason = "not about one run: needs a study of its own";
    return out;
}

namespace {

/// Of a run whose verdicts are there, what only the claims looked at.
void forget_kept(RunResult& run, const VerifyPlan& plan) {
    for (Record& r : run.trajectory.records) {
        if (!plan.keep_data)
            for (Vector* column : {&r.margin, &r.theta}) column->resize(0);
        r.logp_chosen.resize(0);
        r.logp_rejected.resize(0);
    }
}

}  // namespace

void judge_run_at(Verification& v, std::size_t run, const VerifyPlan& plan) {
    v.verdicts.at(run) = judge_all(v.claims, v.runs[run].evidence());
    forget_kept(v.runs[run], plan);
}

namespace {

/// With what the claims look at.
VerifyPlan watching(VerifyPlan plan, const std::vector<theory::Claim>& claims) {
    plan.keep = plan.keep | theory::kept_for(claims);
    return plan;
}

Kept kept(const VerifyPlan& plan) { return plan.keep | Kept::data(plan.keep_data); }

void add(Verification& v, StudyOutcome outcome) {
    std::move(outcome.cases.begin(), outcome.cases.end(), std::back_inserter(v.cases));
    std::move(outcome.values.begin(), outcome.values.end(), std::back_inserter(v.study_values));
    std::move(outcome.notes.begin(), outcome.notes.end(), std::back_inserter(v.notes));
}

/// A control of a claim that is not built in is caught wherever in the suite it is: its bound, made
/// stronger, by every run.
void look_everywhere(Verification& v) {
    // Claims about behaviours are judged by a study alone.
    for (const theory::Claim& claim : v.claims) {
        if (!theory::is_own(claim) || claim.scope != theory::Scope::kStudy) continue;
        const CaseRow* tightest = nullptr;
        for (const CaseRow& row : v.cases)
            if (row.claim == claim.id && (!tightest || row.verdict.within_tenth)) tightest = &row;
        if (!tightest) continue;
        ControlResult control{claim.id, "bound x 0.9", "the bound is made 10 % stronger", "", {}};
        control.verdict.status =
            tightest->verdict.within_tenth ? theory::Status::kViolated : theory::Status::kHolds;
        control.verdict.reason = "on " + tightest->setting;
        v.controls.push_back(std::move(control));
    }
    for (ControlResult& control : v.controls) {
        const auto claim = std::ranges::find(v.claims, control.claim, &theory::Claim::id);
        if (control.caught() || control.name != "bound x 0.9" || claim == v.claims.end() ||
            !theory::is_own(*claim))
            continue;
        const auto c = static_cast<std::size_t>(claim - v.claims.begin());
        for (std::size_t r = 0; r < v.verdicts.size() && !control.caught(); ++r)
            if (v.verdicts[r][c].within_tenth) {
                control.verdict.status = theory::Status::kViolated;
                control.verdict.reason = "on run " + std::to_string(r);
            }
    }
}

}  // namespace

namespace {

/// On a population of the user's own only those studies that sample it.
bool takes_part(const Study& study, const VerifyPlan& plan) {
    return !plan.population || study.takes_population;
}

/// Why the others' claims are not judged.
void pass_over(StudyOutcome& out, const Study& study, const std::vector<theory::Claim>& claims,
               const VerifyPlan& plan) {
    for (const theory::Claim& claim : claims)
        out.pass_over(study.name, claim, plan.population->name(),
                      "about data that its study makes itself: verify without --population");
}

/// What verify_synthetic goes through, with the processor seconds of `verify --quick`, where they
/// come to a tenth. A phase belongs to a study, or to none.
std::vector<Phase> phases(const std::vector<theory::Claim>& claims, bool runs,
                          const VerifyPlan& plan) {
    struct Known {
        const char *label, *study;
        double seconds;
    };
    constexpr Known kKnown[] = {{"coverage", "coverage", 2.6},
                                {"accuracy, fresh data", "accuracy", 0.3},
                                {"accuracy, limit", "accuracy", 0.3},
                                {"dynamics", "dynamics", 1.8},
                                {"priority", "priority", 1.0},
                                {"order of learning", "priority", 0.4},
                                {"misalignment", "misalignment", 0.4},
                                {"tabular samples", "rlhf", 0.3},
                                {"losses", "losses", 1.6},
                                {"probabilities", "probabilities", 0.1},
                                {"displacement", "probabilities", 0.1},
                                {"clusters, scaling", "clusters", 0.5}};
    std::vector<Phase> out;
    if (runs) out.push_back({"runs", 3.4});
    for (const Known& each : kKnown)
        for (const Study& study : studies())
            if (study.name == each.study && takes_part(study, plan) &&
                !claims_of(study, claims).empty())
                out.push_back({each.label, each.seconds});
    out.push_back({"controls", 4.5 * static_cast<double>(claims.size()) /
                                   static_cast<double>(theory::claims().size())});
    return out;
}

}  // namespace

Verification verify_synthetic(const std::vector<theory::Claim>& claims, const VerifyPlan& plan) {
    Verification v;
    v.claims = claims;
    v.every_claim_applies =
        !plan.mixture && !plan.population;  // the suite and the studies are chosen so
    const bool about_runs = std::ranges::any_of(
        claims, [](const theory::Claim& c) { return c.scope == theory::Scope::kRun; });
    std::vector<SuiteRun> suite;
    if (about_runs)
        suite = plan.population ? population_suite(*plan.population, plan.profile, plan.seed)
                                : synthetic_suite(plan.profile, plan.seed);
    const VerifyPlan watched = watching(plan, claims);
    const Phases told(phases(claims, about_runs, plan));
    v.runs.resize(suite.size());
    v.verdicts.resize(suite.size());
    parallel_for("runs", suite.size(), [&](std::size_t i) {
        suite[i].config.device = plan.device;
        suite[i].config.training.keep = kept(watched);
        v.runs[i] = run_synthetic(suite[i].config);
        v.runs[i].suite = suite[i].suite;
        judge_run_at(v, i, plan);
    });
    for (const Study& study : studies())
        if (const auto own = claims_of(study, claims); !own.empty()) {
            StudyOutcome outcome;
            if (takes_part(study, plan))
                outcome = study.run(own, plan);
            else
                pass_over(outcome, study, own, plan);
            add(v, std::move(outcome));
        }
    v.controls = run_controls(claims, plan.seed);
    look_everywhere(v);
    return v;
}

namespace {

const std::vector<Index> kFixedSteps = {20, 200, 2000};

}  // namespace

RunConfig feature_run(const VerifyPlan& plan) {
    RunConfig c;
    c.beta = plan.beta;
    c.eta_kappa = 0.5;
    c.training.steps = kFixedSteps.back();
    c.training.records = 60;
    c.training.record_also = kFixedSteps;
    c.training.spacing = Spacing::kLogarithmic;
    c.seed = plan.seed;
    c.device = plan.device;
    c.training.keep = kept(plan);
    return c;
}

double loss_at_step(const RunResult& run, Index step) {
    for (const Record& record : run.trajectory.records)
        if (record.step == static_cast<double>(step)) return record.train.loss;
    return std::numeric_limits<double>::quiet_NaN();
}

namespace {

void compare_losses(Verification& v) {
    v.fixed_steps = kFixedSteps;
    std::vector<double> distinguishability;
    for (const RunResult& run : v.runs) {
        distinguishability.push_back(run.statistics.distinguishability);
        for (const Index step : v.fixed_steps) v.loss_at.push_back(loss_at_step(run, step));
    }
    for (std::size_t k = 0; k < v.fixed_steps.size(); ++k) {
        std::vector<double> loss;
        for (std::size_t r = 0; r < v.runs.size(); ++r)
            loss.push_back(v.loss_at[r * v.fixed_steps.size() + k]);
        v.spearman.push_back(rank_correlation(distinguishability, loss));
        v.spearman_p.push_back(rank_correlation_p(distinguishability, loss));
    }
}

}  // namespace

Verification verify_features(const std::vector<theory::Claim>& claims,
                             const std::vector<Dataset>& behaviours, const VerifyPlan& plan) {
    Verification v;
    v.claims = claims;
    const VerifyPlan watched = watching(plan, claims);
    v.runs.resize(behaviours.size());
    v.verdicts.resize(behaviours.size());
    parallel_for("behaviours", behaviours.size(), [&](std::size_t i) {
        v.runs[i] = run_dataset(feature_run(watched), behaviours[i]);
        v.runs[i].suite = "features";
        judge_run_at(v, i, plan);
    });
    compare_losses(v);
    for (const Study& study : studies()) {
        const auto own = claims_of(study, claims);
        if (study.run_on_features && !own.empty())
            add(v, study.run_on_features(own, behaviours, plan));
    }
    v.controls = run_controls(claims, plan.seed, behaviours, plan.beta);
    look_everywhere(v);
    return v;
}

}  // namespace prefdyn
