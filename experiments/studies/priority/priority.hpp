#pragma once
// Several behaviours at once (theory.md T8): which one is learned first.

#include <span>

#include "experiments/runs/mixture_run.hpp"
#include "experiments/runs/run_measures.hpp"
#include "experiments/studies/study.hpp"
#include "sim/data/mixture.hpp"

namespace prefdyn {

struct PrioritySetting {
    std::string name;
    MixtureSpec mixture;
    double norm_ratio;  ///< longest mean difference over the shortest
    double angle;       ///< degrees between mean differences; NaN if not all are alike
    MixtureTraining training;
};

/// The plan's mixture where it has one, else the study's own.
std::vector<PrioritySetting> priority_settings(const VerifyPlan& plan);

/// Samples the mixture and trains on it; a pure function of (setting, seed).
MixtureRun run_mixture(const PrioritySetting& setting, std::uint64_t seed);
PendingMixture begin_mixture(const PrioritySetting& setting, std::uint64_t seed);

/// K behaviours of equal weight, the norms of their mean differences geometric from `longest` down
/// to longest / ratio, one angle between every two.
MixtureSpec equiangular_mixture(Index K, double longest, double ratio, double degrees);

/// Kendall's tau-b of x and y, ties in either discounted; NaN where one of them is constant.
double kendall_tau(const std::vector<double>& x, const std::vector<double>& y);

/// Order in which behaviours reach `level` of a metric against the order that P_k predicts:
/// tau-b of -P_k and the first time; 1 if they agree. Behaviours that never get there are tied
/// last.
double order_agreement(const MixtureRun& run, double BehaviourMetrics::*metric, double level);

/// T8a to T8d over norm ratio, angle, K, weights, covariances, trainers and losses; on given
/// features over every pair of behaviours.
Study priority_study();

/// The study's parts: synthetic mixtures and the order of learning, pairs of given behaviours.
struct PriorityResult {
    PrioritySetting setting;
    MixtureRun run;
};
/// What is kept of every behaviour at a record.
std::span<const BehaviourCurve> priority_curves();
std::vector<Filled<std::vector<PriorityResult>>> mixture_fields();
std::vector<Field> order_fields();
void put_orders(StudyOutcome& outcome, const VerifyPlan& plan);
std::vector<Field> pair_fields();
StudyOutcome judge_pairs(const std::vector<theory::Claim>& claims,
                         const std::vector<Dataset>& behaviours, const VerifyPlan& plan);
/// The negative controls, and what their faults are planted in.
std::vector<Control> priority_controls();
/// A strong behaviour and a weak one at right angles with little noise: bbar lies along the top
/// eigenvector of M, so early times feel the full curvature.
PrioritySetting strong_and_weak();
PrioritySetting unequal_weights();
/// Unbalanced classes with a common mean: the behaviour with the smaller difference of class means
/// has the longer b.
PrioritySetting unbalanced();
/// The rows that a setting's run is trained on.
Dataset mixture_rows(const PrioritySetting& setting, std::uint64_t seed);

}  // namespace prefdyn
