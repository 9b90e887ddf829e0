#pragma once
#include <array>

#include "experiments/certify/certificate_fields.hpp"
#include "experiments/runs/run.hpp"
#include "experiments/studies/study.hpp"

namespace prefdyn {

/// A claim over everything it was held against.
struct ClaimSummary {
    theory::Status status = theory::Status::kNotApplicable;
    std::array<std::size_t, theory::kStatuses> cases{};  ///< by status
    std::size_t count(theory::Status s) const { return cases[static_cast<std::size_t>(s)]; }
    theory::Tightness
        tightness{};  ///< over applicable cases: least min, median of medians, largest max
    double constant_min = 0.0, constant_max = 0.0;  ///< fits: range of the constant; NaN if none
    std::size_t controls = 0, caught = 0;
    bool own = false;           ///< not built in: an uncaught control is told, and no failure
    bool within_tenth = false;  ///< somewhere a bound 10 % stronger would be violated
    bool as_expected() const {
        return status != theory::Status::kViolated && (own || caught == controls);
    }
};

/// What `prefdyn verify` (and `simulate`, with one run) finds.
struct Verification {
    std::vector<theory::Claim> claims;
    std::vector<RunResult> runs;
    std::vector<std::vector<theory::Verdict>>
        verdicts;                ///< [run][claim]; Scope::kRun claims are judged
    std::vector<CaseRow> cases;  ///< what the studies judged
    /// Values of the studies' fields.
    std::vector<std::pair<std::string, ResultWriter::Values>> study_values;
    std::vector<ControlResult> controls;
    std::vector<certify::Certified> certificates;  ///< where they were asked for
    std::vector<Index> fixed_steps;  ///< steps at which losses are compared over behaviours
    std::vector<double> loss_at;     ///< [run][fixed step]
    std::vector<std::string> notes;  ///< of the studies
    std::vector<double> spearman_p;  ///< [fixed step] its rank_correlation_p
    std::vector<double> spearman;    ///< [fixed step] rank correlation of D and loss over the runs
    bool every_claim_applies = false;  ///< a claim that applied nowhere is a failure

    std::vector<ClaimSummary> summaries() const;
    bool as_expected() const;
};

/// Of each claim; one that is not about runs is told to be so.
std::vector<theory::Verdict> judge_all(const std::vector<theory::Claim>& claims,
                                       const theory::Evidence& evidence);

/// Judges the claims on one run, whose place among the verdicts is there, and lets go of what only
/// they looked at.
void judge_run_at(Verification& verification, std::size_t run, const VerifyPlan& plan);

/// The synthetic suite, the studies and the negative controls.
Verification verify_synthetic(const std::vector<theory::Claim>& claims, const VerifyPlan& plan);

/// The run of a behaviour there is a theory of: full batch, eta = 0.5 / kappa, 2000 steps.
RunConfig feature_run(const VerifyPlan& plan);

/// Training loss at a recorded step; NaN if it was not recorded.
double loss_at_step(const RunResult& run, Index step);

/// Every behaviour of a feature file: eta = 0.5 / kappa, losses after 20, 200 and 2000 steps
/// against D; the negative controls on these features where their fault can show on them.
Verification verify_features(const std::vector<theory::Claim>& claims,
                             const std::vector<Dataset>& behaviours, const VerifyPlan& plan);

}  // namespace prefdyn
