#pragma once
// A trained head and everything a claim may look at.

#include "sim/head/trainer.hpp"
#include "tests/support/support.hpp"
#include "theory/rates.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

/// Address-stable: evidence() points into it.
struct Run {
    theory::DatasetStatistics statistics;
    Trajectory trajectory;
    theory::TrainingFacts facts;

    theory::Evidence evidence() const {
        theory::Evidence e;
        e.of = theory::RunCase(&statistics, &trajectory);
        e.training = facts;
        return e;
    }
};

inline theory::Dynamics dynamics_of(Method method) {
    switch (method) {
        case Method::kGradientDescent:
            return theory::Dynamics::kGradientDescent;
        case Method::kSgd:
            return theory::Dynamics::kStochastic;
        case Method::kAdam:
            return theory::Dynamics::kAdaptive;
        case Method::kFlow:
            return theory::Dynamics::kGradientFlow;
    }
    return theory::Dynamics::kStochastic;
}

/// Trains on `data` with eta = eta_kappa / kappa.
inline Run run_method(const Dataset& data, Method method, double eta_kappa, Index steps,
                      Spacing spacing = Spacing::kLinear, double beta = 0.3) {
    const PreferenceTask task = make_task(data, beta);
    Run out;
    out.statistics = theory::dataset_statistics(data);
    const double kappa =
        theory::smoothness(beta, task.loss->facts().curvature_max, out.statistics.lambda_max);
    TrainSpec spec;
    spec.method = method;
    spec.eta = eta_kappa / kappa;
    spec.steps = steps;
    spec.batch = data.samples() / 2 + 1;
    spec.spacing = spacing;
    spec.flow_tolerance = 1e-13;
    spec.keep = {.margins = true, .log_probabilities = true};
    out.facts = {dynamics_of(method), beta, spec.eta,
                 task.loss->facts(),  true, {task.loss, task.loss->margin()}};
    out.facts.loss_name = task.loss->name();
    out.trajectory =
        train(*make_engine(EngineKind::kReduced, task), *task.loss, spec, test::seed());
    return out;
}

inline theory::Verdict judge_one(const theory::Claim& claim, const theory::Evidence& evidence,
                                 bool presume = false) {
    return theory::judge(claim, std::span(&evidence, 1), presume);
}

inline theory::Claim claim_named(const std::string& id) {
    for (const theory::Claim& claim : theory::claims())
        if (claim.id == id) return claim;
    throw std::runtime_error("no claim " + id);
}

}  // namespace prefdyn::test
