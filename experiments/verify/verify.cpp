#include "experiments/verify/verify.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "experiments/program/parallel.hpp"
#include "experiments/verify/controls.hpp"
#include "experiments/verify/studies.hpp"
#include "sim/base/rank_correlation.hpp"

namespace prefdyn {

void judge_runs(Verification& v) {
    const std::size_t judged = v.verdicts.size();
    v.verdicts.resize(v.runs.size(), std::vector<theory::Verdict>(v.claims.size()));
    parallel_for("verdicts", v.runs.size() - judged, [&](std::size_t k) {
        const std::size_t r = judged + k;
        const theory::Evidence evidence = v.runs[r].evidence();
        for (std::size_t c = 0; c < v.claims.size(); ++c)
            if (v.claims[c].scope == theory::Scope::kRun)
                v.verdicts[r][c] = theory::judge(v.claims[c], std::span(&evidence, 1));
            else
                v.verdicts[r][c].reason = "not about one run: needs a study of its own";
    });
}

namespace {

void add(Verification& v, StudyOutcome outcome) {
    std::move(outcome.cases.begin(), outcome.cases.end(), std::back_inserter(v.cases));
    std::move(outcome.values.begin(), outcome.values.end(), std::back_inserter(v.study_values));
}

}  // namespace

Verification verify_synthetic(const std::vector<theory::Claim>& claims, const VerifyPlan& plan) {
    Verification v;
    v.claims = claims;
    v.every_claim_applies = true;  // the suite and the studies are chosen so
    const bool about_runs = std::ranges::any_of(
        claims, [](const theory::Claim& c) { return c.scope == theory::Scope::kRun; });
    std::vector<SuiteRun> suite;
    if (about_runs) suite = synthetic_suite(plan.profile, plan.seed);
    v.runs.resize(suite.size());
    parallel_for("runs", suite.size(), [&](std::size_t i) {
        suite[i].config.device = plan.device;
        suite[i].config.training.keep = plan.keep_data;
        v.runs[i] = run_synthetic(suite[i].config);
        v.runs[i].suite = suite[i].suite;
    });
    judge_runs(v);
    for (const Study& study : studies())
        if (const auto own = claims_of(study, claims); !own.empty()) add(v, study.run(own, plan));
    v.controls = run_controls(claims, plan.seed);
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
    c.training.keep = plan.keep_data;
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
    }
}

}  // namespace

Verification verify_features(const std::vector<theory::Claim>& claims,
                             const std::vector<Dataset>& behaviours, const VerifyPlan& plan) {
    Verification v;
    v.claims = claims;
    v.runs.resize(behaviours.size());
    parallel_for("behaviours", behaviours.size(), [&](std::size_t i) {
        v.runs[i] = run_dataset(feature_run(plan), behaviours[i]);
        v.runs[i].suite = "features";
    });
    judge_runs(v);
    compare_losses(v);
    for (const Study& study : studies()) {
        const auto own = claims_of(study, claims);
        if (study.run_on_features && !own.empty())
            add(v, study.run_on_features(own, behaviours, plan));
    }
    v.controls = run_controls(claims, plan.seed, behaviours, plan.beta);
    return v;
}

}  // namespace prefdyn
