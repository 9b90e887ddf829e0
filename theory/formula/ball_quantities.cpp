#include "theory/formula/ball_quantities.hpp"

#include <algorithm>
#include <cmath>

#include "theory/behaviour_errors.hpp"
#include "theory/formula/arithmetic.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

namespace {

Ball near(double value) { return {value, 4.0 * kEpsilon * std::fabs(value)}; }
double count(Index n) { return static_cast<double>(n); }
double root(double x) { return std::sqrt(x); }
const DatasetStatistics& stats(const Evidence& e) { return e.statistics(); }
const BehaviourStatistics& mixture(const Evidence& e) { return e.get<BehaviourStatistics>(); }

/// Of rows that fulfil something; with `path` where the head may be elsewhere.
Ball share(const Here& h, double value, ShareError error, ShareError path) {
    if (h.drift > 0.0) error = path;
    if (h.reach > h.drift) error = {value, 1.0 - value};
    return {value + 0.5 * (error.above - error.below), 0.5 * (error.above + error.below)};
}

/// A class mean of n_c = p_c n rows is off by gamma_n of its rows' mean length.
double mean_error(const Evidence& e) {
    const MeanStatistics& s = e.means();
    return gamma_of(count(s.n) + 4.0) * root(s.mean_square) *
           (1.0 / root(s.p_plus) + 1.0 / root(1.0 - s.p_plus));
}

/// Sums of squares over a class, centred with its mean.
double spread_error(const Evidence& e) {
    const MeanStatistics& s = e.means();
    return gamma_of(count(s.n + s.zbar.size()) + 16.0) * 8.0 * s.mean_square /
           std::min(s.p_plus, 1.0 - s.p_plus);
}

Ball distinguishability(const Evidence& e) {
    const MeanStatistics& s = e.means();
    return {s.distinguishability,
            mean_error(e) + gamma_of(count(s.zbar.size()) + 6.0) * s.distinguishability};
}

Ball noise_floor(const Evidence& e) {
    const DatasetStatistics& s = stats(e);
    const double error = spread_error(e) * (1.0 / count(s.n_plus) + 1.0 / count(s.n_minus));
    return sqrt(Ball(s.noise_floor_squared(), error));
}

Ball debiased(const Evidence& e) {
    return sqrt(max(0.0, square(distinguishability(e)) - square(noise_floor(e))));
}

Ball curvature(const Evidence& e) {
    const double value = e.training.loss.curvature_max;
    return std::isfinite(value) ? near(value) : Ball(value);
}

/// zbar^T M zbar / ||zbar||^2 is the mean square of the projections.
Ball kappa_zbar(const Evidence& e) {
    const DatasetStatistics& s = stats(e);
    if (!(s.zbar_norm > 0.0)) return 0.0;
    const double square = s.projection.squaredNorm() / count(s.n);
    const double error = (2.0 * cosine_error(e) + gamma_of(count(s.n) + 8.0)) * s.mean_square;
    return Ball(2.0) * e.training.beta * e.training.beta * curvature(e) * Ball(square, error);
}

Ball q_share(const Evidence& e) {
    const Ball kappa = smoothness(e);
    return kappa.value > 0.0 ? kappa_zbar(e) / kappa : Ball(0.0);
}

Ball energy_time(const Here& h) {
    if (h.e.training.dynamics == Dynamics::kGradientFlow) return time_of(h.r);
    const Ball c = Ball(1.0) - Ball(0.5) * step_curvature(h.e);
    return c.low() > 0.0 ? time_of(h.r) / c : Ball(kInfinity);
}

/// (e^x - 1 - x) / x, by its series where that cancels.
double excess(double x) {
    if (x >= 0.5) return (std::expm1(x) - x) / x;
    double term = 0.5 * x, sum = 0.0;
    for (int k = 3; k < 20; ++k) {
        sum += term;
        term *= x / k;
    }
    return sum;
}

/// The three ways to bound how far the path leaves its tangent (docs/theory.md, T3c and T3d).
Ball bend(const Here& h) {
    const Ball kappa = smoothness(h.e);
    if (kappa.value == 0.0) return 0.0;
    const Ball x = kappa * time_of(h.r);
    const Ball rise = ball::monotone(x, std::max(0.0, x.low()), x.high(), excess);
    const Ball along = sqrt(q_share(h.e)) * rise.widened(16.0 * kUnitRoundoff * rise.value);
    const Ball early = Ball(0.5) * kappa * curved_time(h.e, h.r);
    const Ball late = Ball(2.0) / Ball(3.0) * sqrt(Ball(0.5) * kappa * energy_time(h));
    return min(early, min(along, late));
}

/// Exponents of loss_decay at every record; none from where a factor may be 0.
std::vector<std::optional<Ball>> decay_exponents(const Evidence& e) {
    const double beta = e.training.beta, most = stats(e).row_norm.maxCoeff();
    const double share = 1.0 + gamma_of(count(stats(e).zbar.size()) + 8.0);
    const double c = 2.0 * beta * beta * most * most * share;
    const bool flow = e.training.dynamics == Dynamics::kGradientFlow;
    const auto& records = e.trajectory().records;
    std::vector<std::optional<Ball>> out(records.size());
    Ball exponent = 0.0;
    for (std::size_t k = 0; k < records.size(); ++k) {
        out[k] = exponent;
        if (k + 1 == records.size()) break;
        const Ball rate = Ball(c) * loss_moved(e, records[k], records[k].error.drift);
        const Record &from = records[k], &to = records[k + 1];
        if (flow) {
            exponent = exponent - rate * (time_of(to) - time_of(from));
            continue;
        }
        const Ball lost = rate * e.training.eta;
        if (!(lost.high() < 1.0)) break;
        exponent = exponent + Ball(to.step - from.step) * log1p(-lost);
    }
    return out;
}

/// prod (1 - eta c L) or e^(-c int L) over the records before this one, c = 2 beta^2 max ||g||^2: a
/// loss that never rises is largest where an interval begins.
Ball loss_decay(const Here& h) {
    if (h.decays.empty()) h.decays = decay_exponents(h.e);
    const auto& exponent =
        h.decays[static_cast<std::size_t>(&h.r - h.e.trajectory().records.data())];
    return exponent ? exp(*exponent) : Ball(0.0);
}

/// Sine of the angle between v and zbar; a head that may be elsewhere turns by no more than the way
/// there over its length.
Ball sin_zbar(const Here& h) {
    const Vector &v = h.r.theta, &zbar = stats(h.e).zbar;
    const double length = v.stableNorm(), mean = zbar.stableNorm();
    if (!(length > 0.0) || !(mean > 0.0)) return kNan;
    const Vector unit = zbar / mean;
    const double across = (v - v.dot(unit) * unit).stableNorm() / length;
    const Ball norm = zbar_norm(stats(h.e));
    const double error = 2.0 * norm.radius / norm.value + gamma_of(4.0 * count(v.size()) + 16.0) +
                         h.reach / (root(2.0) * length);
    return {across, error};
}

/// Of one margin, per unit of ||g_i||.
double margin_slope(const Here& h) {
    return h.r.error.margin + root(2.0) * h.e.training.beta * h.reach;
}

/// Margins are at most sqrt(2) beta ||Delta W|| ||g_i||, and their mean is summed plainly.
Ball mean_margin(const Here& h) {
    if (h.r.error.means) return {h.r.train.rewards_margins, h.r.error.means->margin};
    const double size = root(h.e.means().mean_square);
    const double reach = root(2.0) * h.e.training.beta * h.r.head_change;
    return {h.r.train.rewards_margins,
            (margin_slope(h) + gamma_of(count(h.e.means().n) + 4.0) * reach) * size +
                h.r.error.margin_floor};
}

template <std::size_t Which>
Ball margin_quantile(const Here& h) {
    const double value = h.r.train.margin_quantiles[Which];
    const double most = stats(h.e).row_norm.size() > 0
                            ? stats(h.e).row_norm.maxCoeff()
                            : root(count(stats(h.e).n)) * root(stats(h.e).mean_square);
    return Ball(value, margin_slope(h) * most + h.r.error.margin_floor)
        .widened(4.0 * kEpsilon * std::fabs(value));
}

double mean_logp_error(const Here& h, double value) {
    if (h.r.error.means) return h.r.error.means->logp;
    return (h.r.error.logp + root(2.0) * h.reach) * root(h.e.means().mean_square) +
           (h.r.error.logp_floor + gamma_of(count(h.e.means().n) + 4.0)) * (1.0 + std::fabs(value));
}

Ball mean_logp(const Here& h, double value) { return {value, mean_logp_error(h, value)}; }

/// beta times the difference of two mean log-probabilities.
Ball mean_reward(const Here& h, double value) {
    if (h.r.error.means) return {value, h.r.error.means->reward};
    const double size =
        std::max(std::fabs(h.r.train.logps_chosen), std::fabs(h.r.train.logps_rejected)) +
        std::fabs(value) / h.e.training.beta;
    return {value, 2.0 * h.e.training.beta * mean_logp_error(h, size)};
}

/// Of a held-out mean.
Ball fresh(const Here& h, double value, double SplitErrors::*error) {
    if (h.reach > h.drift) return {value, kInfinity};
    return {value, (h.drift > 0.0 ? h.r.error.path_held_out : h.r.error.held_out).*error};
}

void margins(const Here& h, Ball* out) {
    const Vector& norm = stats(h.e).row_norm;
    const double slope = margin_slope(h), floor = h.r.error.margin_floor;
    for (Index i = 0; i < norm.size(); ++i) out[i] = {h.r.margin(i), slope * norm(i) + floor};
}

/// m_i'(0) = -2 beta^2 phi'(0) z_i . zbar.
void initial_slopes(const Evidence& e, Ball* out) {
    const DatasetStatistics& s = stats(e);
    const Ball unit =
        Ball(2.0) * e.training.beta * e.training.beta * near(-e.training.loss.slope_at_zero);
    const Ball zbar = zbar_norm(s), scale = unit * zbar;
    const bool at_rest = !(s.zbar_norm > 0.0);
    const double error = at_rest ? 0.0 : cosine_error(e);
    for (Index i = 0; i < s.n; ++i)
        out[i] = at_rest ? Ball(0.0, unit.high() * zbar.radius * s.row_norm(i))
                         : scale * Ball(s.projection(i), error * s.row_norm(i));
}

void lengths(const Evidence& e, Ball* out) {
    const Vector& norm = stats(e).row_norm;
    const double share = gamma_of(count(e.means().zbar.size()) + 4.0);
    for (Index i = 0; i < norm.size(); ++i) out[i] = {norm(i), share * norm(i)};
}

/// Cosines and projections vanish exactly where zbar or z_i does.
void cosines(const Evidence& e, Ball* out) {
    const DatasetStatistics& s = stats(e);
    const double error = s.zbar_norm > 0.0 ? cosine_error(e) : 0.0;
    for (Index i = 0; i < s.n; ++i) out[i] = {s.cosine(i), s.row_norm(i) > 0.0 ? error : 0.0};
}

void projections(const Evidence& e, Ball* out) {
    const DatasetStatistics& s = stats(e);
    const double error = s.zbar_norm > 0.0 ? cosine_error(e) : 0.0;
    for (Index i = 0; i < s.n; ++i) out[i] = {s.projection(i), error * s.row_norm(i)};
}

void labels(const Evidence& e, Ball* out) {
    for (const std::int8_t label : stats(e).label) *out++ = static_cast<double>(label);
}

template <Vector Record::*Column>
void log_probabilities(const Here& h, Ball* out) {
    const Vector &norm = stats(h.e).row_norm, &value = h.r.*Column;
    const double slope = h.r.error.logp + root(2.0) * h.reach, floor = h.r.error.logp_floor;
    for (Index i = 0; i < norm.size(); ++i)
        out[i] = {value(i), slope * norm(i) + floor * (1.0 + std::fabs(value(i)))};
}

/// On a head the two log-probabilities share their normaliser.
void reference_gaps(const Evidence& e, Ball* out) {
    const Record& start = e.trajectory().records.front();
    const Vector& norm = stats(e).row_norm;
    const double apart = e.training.dynamics == Dynamics::kTransformer ? 2.0 : 0.0;
    for (Index i = 0; i < norm.size(); ++i) {
        const double w = start.logp_chosen(i), l = start.logp_rejected(i);
        const double size = 1.0 + std::fabs(w) + std::fabs(l);
        out[i] = {l - w, start.error.logp * norm(i) +
                             (apart * start.error.logp_floor + 8.0 * kUnitRoundoff) * size};
    }
}

const BehaviourMetrics& metrics(const Here& h, Index k) {
    return h.r.behaviours[static_cast<std::size_t>(k)];
}

Ball alignment(const Evidence& e, Index k) {
    const BehaviourStatistics& b = mixture(e);
    return {b.alignment(k), product_error(e, b.mean.row(k).norm(), b.mean_square(k))};
}

Ball apart_error(const Evidence& e, Index k, Index j, double value) {
    const BehaviourStatistics& b = mixture(e);
    const double unit = b.mixture.norm();
    const double error = product_error(e, b.mean.row(k).norm(), b.mean_square(k)) +
                         product_error(e, b.mean.row(j).norm(), b.mean_square(j));
    return {value, unit > 0.0 ? error / unit : kInfinity};
}

Ball behaviour_distance(const Evidence& e, Index k, Index j) {
    const BehaviourStatistics& b = mixture(e);
    return apart_error(e, k, j, (b.mean.row(k) - b.mean.row(j)).norm());
}

Ball alignment_apart(const Evidence& e, Index k, Index j) {
    const BehaviourStatistics& b = mixture(e);
    const double error = product_error(e, b.mean.row(k).norm(), b.mean_square(k)) +
                         product_error(e, b.mean.row(j).norm(), b.mean_square(j));
    return {b.mixture.dot(b.mean.row(k) - b.mean.row(j)), error};
}

/// As its rows' margins, summed plainly.
Ball behaviour_margin(const Here& h, Index k) {
    const double size = root(mixture(h.e).mean_square(k));
    const double sum = gamma_of(count(h.e.means().n) + 4.0) * 2.0 * h.e.training.beta;
    return {metrics(h, k).rewards_margins,
            (margin_slope(h) + sum * h.r.head_change) * size + h.r.error.margin_floor};
}

/// Every row of the training set that may lie on the other side may be one of the behaviour's.
Ball behaviour_accuracy(const Here& h, Index k) {
    const double value = metrics(h, k).rewards_accuracies, weight = mixture(h.e).weight(k);
    const auto own = [&](const ShareError& e) {
        return ShareError{.below = std::min(e.below / weight, value),
                          .above = std::min(e.above / weight, 1.0 - value)};
    };
    return share(h, value, own(h.r.error.accuracy), own(h.r.error.path_accuracy));
}

/// A behaviour's mean loss: its rows' margins by the loss's slope, and its own rounding.
Ball behaviour_loss(const Here& h, Index k) {
    const LossFacts& loss = h.e.training.loss;
    const double size = root(mixture(h.e).mean_square(k)), value = metrics(h, k).loss;
    const double reach = root(2.0) * h.e.training.beta * (h.r.head_change + h.reach) * size;
    const double slope =
        std::min(loss.slope_max, std::fabs(loss.slope_at_zero) + loss.curvature_max * reach);
    return {value, slope * (margin_slope(h) * size + h.r.error.margin_floor) +
                       20.0 * kUnitRoundoff *
                           (std::fabs(value) + slope * reach + std::fabs(loss.value_at_zero))};
}

}  // namespace

Ball bbar_norm(const Evidence& e) {
    const double norm = mixture(e).mixture.norm();
    return {norm, zbar_norm(e.means()).radius};
}

const std::map<std::string, Getter>& ball_quantities() {
    using E = const Evidence&;
    using H = const Here&;
    static const std::map<std::string, Getter> all = {
        {"n", +[](E e) { return Ball(count(e.means().n)); }},
        {"d", +[](E e) { return Ball(count(e.means().zbar.size())); }},
        {"n_plus", +[](E e) { return Ball(count(e.means().n_plus)); }},
        {"n_minus", +[](E e) { return Ball(count(e.means().n_minus)); }},
        {"p_plus", +[](E e) { return Ball(count(e.means().n_plus)) / Ball(count(e.means().n)); }},
        {"D", distinguishability},
        {"D_debiased", debiased},
        {"noise_floor", noise_floor},
        {"zbar", +[](E e) { return zbar_norm(e.means()); }},
        {"trace", +[](E e) { return Ball(stats(e).trace(), spread_error(e)); }},
        {"concentration", +[](E e) { return Ball(stats(e).concentration(), spread_error(e)); }},
        {"mean_square",
         +[](E e) {
             const MeanStatistics& s = e.means();
             return Ball(s.mean_square, gamma_of(count(s.n + s.zbar.size()) + 4.0) * s.mean_square);
         }},
        {"lambda_max", +[](E e) { return lambda_max(stats(e)); }},
        {"kappa", +[](E e) { return smoothness(e); }},
        {"kappa_zbar", kappa_zbar},
        {"beta", +[](E e) { return Ball(e.training.beta); }},
        {"eta", +[](E e) { return Ball(e.training.eta); }},
        {"delta", +[](E e) { return Ball(e.delta); }},
        {"K",
         +[](E e) {
             const auto* b = e.find<BehaviourStatistics>();
             return Ball(b ? count(b->behaviours()) : 1.0);
         }},
        {"phi0", +[](E e) { return near(e.training.loss.value_at_zero); }},
        {"phi_inf", +[](E e) { return near(e.training.loss.infimum); }},
        {"most_fall",
         +[](E e) {
             const LossFacts& loss = e.training.loss;
             return Ball(loss.value_at_zero - loss.infimum,
                         std::isfinite(loss.infimum)
                             ? 4.0 * kEpsilon * std::fabs(loss.value_at_zero)
                             : 0.0);
         }},
        {"slope0", +[](E e) { return near(std::fabs(e.training.loss.slope_at_zero)); }},
        {"falls0", +[](E e) { return near(-e.training.loss.slope_at_zero); }},
        {"curvature", curvature},
        {"largest_rate",
         +[](E e) {
             const double most = largest_rate(e);
             return std::isfinite(most) ? Ball(most, gamma_of(count(stats(e).n)) * most) : most;
         }},
        {"R0", +[](E e) { return initial_rate(e); }},
        {"L0", +[](E e) { return measured_loss(e.trajectory().records.front()); }},
        {"norm_dv0", +[](E e) { return initial_rate(e) / sqrt(Ball(2.0)); }},
        {"step", +[](H h) { return Ball(h.r.step); }},
        {"t", +[](H h) { return time_of(h.r); }},
        {"epoch", +[](H h) { return near(h.r.epoch); }},
        {"loss", +[](H h) { return loss_moved(h.e, h.r, h.drift); }},
        {"rate", +[](H h) { return rate_moved(h.e, h.r, h.drift); }},
        {"head_change",
         +[](H h) { return Ball(h.r.head_change, h.r.error.head_change + h.reach); }},
        {"head_change_spectral",
         +[](H h) {
             return Ball(h.r.head_change_spectral, 4.0 * h.r.error.head_change + h.reach);
         }},
        {"linear_remainder",
         +[](H h) { return Ball(h.r.linear_remainder, h.r.error.linear_remainder + h.reach); }},
        {"accuracy",
         +[](H h) {
             return share(h, h.r.train.rewards_accuracies, h.r.error.accuracy,
                          h.r.error.path_accuracy);
         }},
        {"policy_accuracy",
         +[](H h) {
             return share(h, h.r.train.outputs_accuracies, h.r.error.policy_accuracy,
                          h.r.error.path_policy_accuracy);
         }},
        {"margin", mean_margin},
        {"margin_min", margin_quantile<0>},
        {"margin_q05", margin_quantile<1>},
        {"margin_q25", margin_quantile<2>},
        {"margin_median", margin_quantile<3>},
        {"margin_q75", margin_quantile<4>},
        {"margin_q95", margin_quantile<5>},
        {"margin_max", margin_quantile<6>},
        {"logp_chosen", +[](H h) { return mean_logp(h, h.r.train.logps_chosen); }},
        {"logp_rejected", +[](H h) { return mean_logp(h, h.r.train.logps_rejected); }},
        {"reward_chosen", +[](H h) { return mean_reward(h, h.r.train.rewards_chosen); }},
        {"reward_rejected", +[](H h) { return mean_reward(h, h.r.train.rewards_rejected); }},
        {"held_out.loss", +[](H h) { return fresh(h, h.r.held_out.loss, &SplitErrors::loss); }},
        {"held_out.margin",
         +[](H h) { return fresh(h, h.r.held_out.rewards_margins, &SplitErrors::margin); }},
        {"held_out.accuracy",
         +[](H h) {
             return share(h, h.r.held_out.rewards_accuracies, h.r.error.held_out.accuracy,
                          h.r.error.path_held_out.accuracy);
         }},
        {"held_out.policy_accuracy",
         +[](H h) {
             return share(h, h.r.held_out.outputs_accuracies, h.r.error.held_out.policy_accuracy,
                          h.r.error.path_held_out.policy_accuracy);
         }},
        {"held_out.logp_chosen",
         +[](H h) { return fresh(h, h.r.held_out.logps_chosen, &SplitErrors::logp); }},
        {"held_out.logp_rejected",
         +[](H h) { return fresh(h, h.r.held_out.logps_rejected, &SplitErrors::logp); }},
        {"decay", +[](H h) { return decay_factor(h.e, h.r); }},
        {"decayed_time", +[](H h) { return decayed_time(h.e, h.r); }},
        {"energy_time", energy_time},
        {"bend", bend},
        {"held_time", +[](H h) { return held_time(h.e, h.r); }},
        {"loss_decay", loss_decay},
        {"sin_zbar", sin_zbar},
        {"q_share", q_share},
        {"curved_time", +[](H h) { return curved_time(h.e, h.r); }},
        {"m", margins},
        {"dm0", initial_slopes},
        {"norm_z", lengths},
        {"cos_z", cosines},
        {"proj_z", projections},
        {"label", labels},
        {"logp_w", log_probabilities<&Record::logp_chosen>},
        {"logp_l", log_probabilities<&Record::logp_rejected>},
        {"ref_gap", reference_gaps},
        {"P", BehaviourGetter{+[](E e, Index k) { return alignment(e, k) / bbar_norm(e); }}},
        {"M", BehaviourRecordGetter{behaviour_margin}},
        {"q", BehaviourGetter{+[](E e, Index k) { return near(mixture(e).weight(k)); }}},
        {"L", BehaviourRecordGetter{behaviour_loss}},
        {"A", BehaviourRecordGetter{behaviour_accuracy}},
        {"norm_b", BehaviourGetter{+[](E e, Index k) {
             const double size = root(mixture(e).mean_square(k));
             return Ball(mixture(e).mean.row(k).norm(),
                         gamma_of(count(e.means().n + e.means().zbar.size()) + 8.0) * size);
         }}},
        {"dM0", BehaviourGetter{+[](E e, Index k) {
             return Ball(mixture(e).margin_slope(k), slope_error(e, k));
         }}},
        {"dL0", BehaviourGetter{+[](E e, Index k) {
             return Ball(mixture(e).loss_slope(k),
                         std::fabs(e.training.loss.slope_at_zero) * slope_error(e, k));
         }}},
        {"alignment", BehaviourGetter{alignment}},
        {"apart", behaviour_distance},
        {"alignment_apart", alignment_apart},
    };
    return all;
}

/// D of a behaviour is its own class-mean difference.
Ball behaviour_difference(const Evidence& e, Index k) {
    const BehaviourStatistics& b = mixture(e);
    return {b.difference.row(k).norm(), gamma_of(count(e.means().n + e.means().zbar.size()) + 8.0) *
                                            4.0 * root(b.mean_square(k) * count(e.means().n))};
}

}  // namespace prefdyn::theory
