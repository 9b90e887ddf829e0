#include "experiments/finetune/evidence.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/ball.hpp"
#include "sim/base/numerics.hpp"
#include "sim/head/metrics.hpp"

namespace prefdyn {

namespace {

/// Means of n numbers, each off by its own error and summed plainly.
double mean_error(const PairRecord& pairs, PairColumn column) {
    const Index n = pairs.value.rows();
    return pairs.error.col(column).mean() +
           gamma_of(static_cast<double>(n) + 4.0) * pairs.value.col(column).cwiseAbs().mean();
}

/// Of the share with x > 0, x off by at most `error`.
ShareError share_error(const Vector& x, const Vector& error) {
    const auto share = [&](auto&& of) { return of.template cast<double>().mean(); };
    return {.below = share(x.array() > 0.0 && x.array() - error.array() <= 0.0),
            .above = share(x.array() <= 0.0 && x.array() + error.array() > 0.0)};
}

ShareError reward_share_error(const PairRecord& pairs) {
    return share_error(pairs.value.col(kPairMargin), pairs.error.col(kPairMargin));
}

ShareError policy_share_error(const PairRecord& pairs) {
    return share_error(pairs.value.col(kPairLogpChosen) - pairs.value.col(kPairLogpRejected),
                       pairs.error.col(kPairLogpChosen) + pairs.error.col(kPairLogpRejected));
}

/// The part of the errors of log-probabilities that is told per 1 + |log pi|.
double logp_floor(const PairRecord& pairs) {
    double out = 0.0;
    for (const PairColumn c : {kPairLogpChosen, kPairLogpRejected})
        out = std::max(
            out,
            (pairs.error.col(c).array() / (1.0 + pairs.value.col(c).array().abs())).maxCoeff());
    return out;
}

SplitMetrics metrics_of(const FinetuneRun& run, std::size_t record, std::size_t part,
                        const PairRecord& pairs, Measure (*of)(const std::string&)) {
    const auto mean = [&](const char* name) { return run.measure(record, part, of(name).name); };
    SplitMetrics out = no_metrics();
    out.loss = mean("loss");
    out.rewards_margins = mean("rewards_margins");
    out.rewards_accuracies = mean("rewards_accuracies");
    out.rewards_ties = mean("rewards_ties");
    out.outputs_accuracies = mean("outputs_accuracies");
    out.logps_chosen = mean("logps_chosen");
    out.logps_rejected = mean("logps_rejected");
    out.rewards_chosen = mean("rewards_chosen");
    out.rewards_rejected = mean("rewards_rejected");
    if (pairs.value.rows() > 0) out.margin_quantiles = quantiles(pairs.value.col(kPairMargin));
    return out;
}

SplitErrors mean_errors(const PairRecord& pairs) {
    const auto larger = [&](PairColumn a, PairColumn b) {
        return std::max(mean_error(pairs, a), mean_error(pairs, b));
    };
    return {.loss = mean_error(pairs, kPairLoss),
            .margin = mean_error(pairs, kPairMargin),
            .logp = larger(kPairLogpChosen, kPairLogpRejected),
            .reward = larger(kPairRewardChosen, kPairRewardRejected),
            .accuracy = reward_share_error(pairs),
            .policy_accuracy = policy_share_error(pairs)};
}

/// What is known is at the parameters as they are; nothing is known of an exact training.
MeasuredErrors errors_of(const PairRecord& train, const PairRecord& held_out) {
    MeasuredErrors out{};
    out.means = mean_errors(train);
    out.margin_floor = train.error.col(kPairMargin).maxCoeff();
    out.loss = out.means->loss;
    out.update_rate = out.head_change = out.linear_remainder = out.drift = kInfinity;
    out.accuracy = out.means->accuracy;
    out.path_accuracy = out.path_policy_accuracy = {1.0, 1.0};
    out.logp_floor = logp_floor(train);
    out.policy_accuracy = out.means->policy_accuracy;
    if (held_out.value.rows() > 0) out.held_out = mean_errors(held_out);
    return out;
}

Record record_of(const FinetuneRun& run, std::size_t record, std::size_t part) {
    const std::size_t row = record * run.behaviour.size() + part;
    const PairRecord &train = run.train_pairs[row], &held_out = run.held_out_pairs[row];
    Record out{};
    const Index step = run.step[record];
    out.step = static_cast<double>(step);
    CompensatedSum time;
    for (Index k = 0; k < step; ++k) time += run.updates[static_cast<std::size_t>(k)].learning_rate;
    out.time = time.value();
    out.epoch = step > 0 ? run.updates[static_cast<std::size_t>(step - 1)].epoch : 0.0;
    out.update_rate = out.linear_remainder = out.head_change_spectral = kNan;
    out.train = metrics_of(run, record, part, train, on_training_set);
    out.held_out = metrics_of(run, record, part, held_out, on_held_out_set);
    out.error = errors_of(train, held_out);
    out.margin = train.value.col(kPairMargin);
    out.logp_chosen = train.value.col(kPairLogpChosen);
    out.logp_rejected = train.value.col(kPairLogpRejected);
    return out;
}

/// Of rows whose answers are not two classes.
theory::DatasetStatistics lengths_of(const transformer::RowsF& embeddings) {
    const RowMatrix x = embeddings.cast<double>();
    theory::DatasetStatistics out;
    out.n = x.rows();
    out.row_norm = x.rowwise().norm();
    out.mean_square = x.rowwise().squaredNorm().mean();
    out.zbar = Vector::Constant(x.cols(), kNan);
    out.zbar_norm = out.distinguishability = out.p_plus = out.lambda_max = kNan;
    out.label.assign(static_cast<std::size_t>(x.rows()), 0);
    return out;
}

/// Of an objective that is no function of the margin alone nothing else is known.
LossFacts facts_of(const finetune::Objective& objective) {
    const PreferenceLoss* const loss = objective.only();
    const bool plain = !objective.by_length() &&
                       objective.divergence().kind == finetune::DivergenceKind::kReverseKl;
    if (loss && plain) return loss->facts();
    LossFacts out{kNan, kNan, kNan, kNan, false};
    out.form = objective.sorts() ? LossForm::kSorted : LossForm::kPair;
    return out;
}

}  // namespace

theory::Evidence PartEvidence::evidence() const {
    theory::Evidence out;
    out.of = theory::RunCase(&statistics, &trajectory);
    out.training = training;
    return out;
}

PartEvidence part_evidence(const FinetuneRun& run, std::size_t part,
                           const finetune::TrainingSpec& spec) {
    const finetune::Objective objective(spec.loss, spec.divergence);
    PartEvidence out;
    out.statistics = has_two_classes(run.label[part])
                         ? geometry_of(run.before[part], run.label[part])
                         : lengths_of(run.before[part]);
    out.training.dynamics = theory::Dynamics::kTransformer;
    out.training.beta = spec.loss.beta;
    out.training.eta = spec.learning_rate;
    out.training.loss = facts_of(objective);
    out.training.loss_name = spec.loss.name;
    if (spec.divergence.kind != finetune::DivergenceKind::kReverseKl)
        out.training.loss_name.append(" of ").append(
            finetune::divergence_names()[static_cast<std::size_t>(spec.divergence.kind)]);
    for (std::size_t k = 0; k < run.step.size(); ++k)
        out.trajectory.records.push_back(record_of(run, k, part));
    if (!run.stopped.empty()) out.trajectory.stop = StopReason::kDiverged;
    return out;
}

}  // namespace prefdyn
