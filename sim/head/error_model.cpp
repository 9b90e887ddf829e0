#include "sim/head/error_model.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/ball.hpp"

namespace prefdyn {

namespace {

/// Nothing is lost where nothing was computed, whatever is unknown of it.
double times(double unknown, double amount) { return amount == 0.0 ? 0.0 : unknown * amount; }

/// Rows of a pair's loss have no one slope, rows matched by rank not their own margin.
LossFacts usable(LossFacts facts) {
    if (facts.form != LossForm::kMargin) facts.curvature_max = facts.slope_max = kInfinity;
    return facts;
}

}  // namespace

ErrorModel::ErrorModel(const PolicyEngine& engine, const PreferenceLoss& loss)
    : loss_(usable(loss.facts())),
      phi_(loss.margin()),
      roundings_(engine.roundings()),
      beta_(roundings_.beta),
      scale_(std::sqrt(2.0) * beta_),
      size_(static_cast<double>(engine.size())) {
    const Dataset& data = engine.data(Split::kTrain);
    row_norm_ = data.features.rowwise().norm();
    fresh_norm_ = engine.data(Split::kHeldOut).features.rowwise().norm();
    const auto n = static_cast<double>(data.samples());
    mean_norm_ = row_norm_.sum() / n;
    mean_square_ = row_norm_.squaredNorm() / n;
    largest_norm_ = row_norm_.maxCoeff();
}

/// A margin is a difference of two logits; where each passes through a log-softmax, that of the
/// reference does too.
ErrorModel::Margin ErrorModel::margin_error(double head_change) const {
    if (head_change == 0.0) return {0.0, 0.0};
    const double s = scale_, u = kUnitRoundoff;
    Margin out{gamma_of(roundings_.inner) * s * (head_change + 2.0 * roundings_.reference), 0.0};
    if (roundings_.normaliser > 0.0) {
        const double share = gamma_of(roundings_.normaliser);
        out.slope += 4.0 * beta_ * share * 2.0 * (head_change + roundings_.reference);
        out.floor = 4.0 * beta_ * share * (1.0 + std::log(roundings_.normaliser));
    }
    out.slope += 4.0 * u * s * head_change;
    out.floor += 2.0 * beta_ * roundings_.inner * kSmallestNumber;
    return out;
}

/// sup phi'' over the margins of such a head: 0 where a convex phi, kinked elsewhere, has one
/// slope.
double ErrorModel::curvature(double head_change) const {
    if (loss_.curvature_max != kInfinity || !loss_.convex || loss_.form != LossForm::kMargin)
        return loss_.curvature_max;
    const double m = 2.0 * scale_ * head_change * largest_norm_;
    const bool one_slope =
        phi_->derivative(m) == loss_.slope_at_zero && phi_->derivative(-m) == loss_.slope_at_zero;
    return one_slope ? 0.0 : kInfinity;
}

/// mean |phi'_i| ||g_i||, at most.
double ErrorModel::mean_slope(double head_change) const {
    const double s = scale_;
    const double near = std::fabs(loss_.slope_at_zero) * mean_norm_ +
                        times(curvature(head_change), s * head_change * mean_square_);
    return std::min(times(loss_.slope_max, mean_norm_), near);
}

double ErrorModel::gradient_error(double head_change) const {
    const double s = scale_;
    const Margin margin = margin_error(head_change);
    const double slope = mean_slope(head_change);
    const double moved = margin.slope * mean_square_ + margin.floor * mean_norm_;
    const double terms = slope + std::fabs(loss_.slope_at_zero) * mean_norm_ +
                         times(curvature(head_change), s * head_change * mean_square_);
    return s * (times(curvature(head_change), moved) + kLossRoundings * kUnitRoundoff * terms +
                gamma_of(roundings_.outer) * slope + 2.0 * std::sqrt(size_) * kSmallestNumber);
}

/// The sum itself is compensated.
double ErrorModel::loss_error(double head_change, double loss) const {
    const double s = scale_, u = kUnitRoundoff;
    const Margin margin = margin_error(head_change);
    const double slope = mean_slope(head_change);
    const double flat =
        std::min(loss_.slope_max, std::fabs(loss_.slope_at_zero) +
                                      times(curvature(head_change), s * head_change * mean_norm_));
    const double reach = times(slope, s * head_change);
    const double size = loss_.infimum >= 0.0 ? std::fabs(loss) : loss_.value_at_zero + reach;
    return times(slope, margin.slope) + times(flat, margin.floor) +
           kLossRoundings * u * (size + reach + std::fabs(loss_.value_at_zero)) + 4.0 * u * size;
}

/// Between two records the head is no further from its start than the way to the nearer one allows,
/// and the rate is taken to be no larger than at the larger of them.
double ErrorModel::drift_since(const Record& record, const Passage& since) const {
    if (!started_) return 0.0;
    if (!since.follows_gradient) return kInfinity;
    const double span = record.time - time_, rate = std::max(rate_, record.update_rate);
    const double reach = 0.5 * (head_change_ + record.head_change + span * rate);
    const double a_step = since.updates > 0.0 ? span / since.updates * rate : 0.0;
    return since.integration_error +
           kUnitRoundoff * since.updates *
               (since.roundings * (reach + roundings_.reference) + 2.0 * a_step) +
           times(gradient_error(reach), span);
}

/// Of the share of numbers above zero, which may be off by slope ||g_i|| + floor.
template <class Numbers, class Floor>
ShareError ErrorModel::positive(const Numbers& x, const Vector& row_norm, double slope,
                                const Floor& floor) {
    Index sure = 0, counted = 0, possible = 0;
    for (Index i = 0; i < x.size(); ++i) {
        const double error = times(slope, row_norm(i)) + floor(i);
        sure += x(i) - error > 0.0 ? 1 : 0;
        counted += x(i) > 0.0 ? 1 : 0;
        possible += x(i) + error > 0.0 ? 1 : 0;
    }
    const auto n = static_cast<double>(x.size());
    return {static_cast<double>(counted - sure) / n, static_cast<double>(possible - counted) / n};
}

/// A logit moves by half a margin over beta; a normaliser is a logarithm of V terms. The two logits
/// of a prompt share it, so that it drops out of their difference up to its own rounding.
void ErrorModel::log_probability_errors(const Responses& r, const Margin& margin,
                                        MeasuredErrors& out) const {
    out.logp = out.logp_floor = kInfinity;
    out.policy_accuracy = out.path_policy_accuracy = {1.0, 1.0};
    const double share = gamma_of(roundings_.tokens + 16.0);
    if (!std::isfinite(share)) return;
    out.logp = 2.0 * (margin.slope / beta_ + roundings_.reference_logit);
    out.logp_floor = margin.floor / beta_ + share;
    const auto floor = [&](Index i) {
        const double size = std::max(std::fabs(r.logp_chosen(i)), std::fabs(r.logp_rejected(i)));
        return margin.floor / beta_ + 8.0 * kUnitRoundoff * (1.0 + size);
    };
    const Vector gap = r.logp_chosen - r.logp_rejected;
    out.policy_accuracy = positive(gap, row_norm_, out.logp, floor);
    out.path_policy_accuracy = positive(gap, row_norm_, out.logp + std::sqrt(2.0) * drift_, floor);
}

double ErrorModel::rounding_at_start() const {
    const double error = gradient_error(0.0);
    return std::isfinite(error) ? error : 0.0;
}

/// Means over rows that no error model of the training set covers: the same margins' errors, a
/// plain sum's rounding, phi by its slope and its own rounding.
SplitErrors ErrorModel::held_out_errors(const Record& record, const Responses& r,
                                        const Margin& margin, double drift) const {
    SplitErrors out;
    if (r.margin.size() == 0) return out;
    const double size = fresh_norm_.mean(), H = record.head_change;
    const double sum = gamma_of(static_cast<double>(r.margin.size()) + 4.0);
    const double moved = (margin.slope + times(scale_, drift)) * size + margin.floor;
    const double reach = scale_ * H * size;
    const double slope =
        std::min(loss_.slope_max,
                 std::fabs(loss_.slope_at_zero) +
                     times(loss_.curvature_max, scale_ * (H + drift) * fresh_norm_.maxCoeff()));
    out.margin = moved + sum * reach;
    out.loss = times(slope, moved) + (kLossRoundings + 4.0) * kUnitRoundoff *
                                         (std::fabs(record.held_out.loss) + times(slope, reach) +
                                          std::fabs(loss_.value_at_zero));
    const double logit = 2.0 * (margin.slope / beta_ + roundings_.reference_logit),
                 moved_logit = logit + std::sqrt(2.0) * drift;
    const double share = gamma_of(roundings_.tokens + 16.0);
    out.logp = moved_logit * size + margin.floor / beta_ +
               (share + sum) * (1.0 + std::fabs(record.held_out.logps_chosen) +
                                std::fabs(record.held_out.logps_rejected));
    out.accuracy = positive(r.margin, fresh_norm_, margin.slope + times(scale_, drift),
                            [&](Index) { return margin.floor; });
    const Vector gap = r.logp_chosen - r.logp_rejected;
    out.policy_accuracy = positive(gap, fresh_norm_, moved_logit, [&](Index i) {
        const double most = std::max(std::fabs(r.logp_chosen(i)), std::fabs(r.logp_rejected(i)));
        return margin.floor / beta_ + 8.0 * kUnitRoundoff * (1.0 + most);
    });
    return out;
}

MeasuredErrors ErrorModel::at(const Record& record, const Responses& responses,
                              const Responses& fresh, const Passage& since) {
    const double H = record.head_change, R = record.update_rate, u = kUnitRoundoff;
    drift_ += drift_since(record, since);
    if (!started_) {
        start_rate_ = R;
        start_error_ = gradient_error(H) + gamma_of(size_) * R;
    }
    const Margin row = margin_error(H);
    MeasuredErrors out{};
    out.margin = row.slope;
    out.margin_floor = row.floor;
    out.loss = loss_error(H, record.train.loss);
    out.update_rate = gradient_error(H) + gamma_of(size_ + 4.0) * R;
    out.head_change = gamma_of(size_ + 4.0) * H;
    out.linear_remainder = 4.0 * u * (H + record.time * start_rate_) +
                           times(start_error_, record.time) +
                           gamma_of(size_ + 4.0) * record.linear_remainder;
    const auto floor = [&](Index) { return row.floor; };
    out.accuracy = positive(responses.margin, row_norm_, row.slope, floor);
    out.drift = drift_;
    out.path_accuracy = positive(responses.margin, row_norm_, row.slope + scale_ * drift_, floor);
    log_probability_errors(responses, row, out);
    out.held_out = held_out_errors(record, fresh, row, 0.0);
    out.path_held_out = held_out_errors(record, fresh, row, drift_);
    started_ = true;
    time_ = record.time;
    head_change_ = H;
    rate_ = R;
    return out;
}

}  // namespace prefdyn
