#include "theory/rates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace prefdyn::theory {

namespace {

const Ball kSqrt2 = {std::sqrt(2.0), kEpsilon};

double count(Index n) { return static_cast<double>(n); }

}  // namespace

/// n rows are added coordinate by coordinate: each is off by at most gamma_n mean |g_ij|.
Ball zbar_norm(const MeanStatistics& s) {
    return {s.zbar_norm, gamma_of(count(s.n) + 4.0) * std::sqrt(s.mean_square) +
                             gamma_of(count(s.zbar.size()) + 6.0) * s.zbar_norm};
}

/// The Gram matrix errs by gamma_n tr M in norm, its tridiagonal form by p(k) u tr M, k its order
/// (Higham, theorem 19.4 with a modest p(k) = 16 k).
Ball lambda_max(const DatasetStatistics& s) {
    const double n = count(s.n), d = count(s.zbar.size());
    const double share = gamma_of(std::max(n, d) + 4.0) + gamma_of(16.0 * std::min(n, d) + 16.0);
    return {s.lambda_max, share * std::max(s.mean_square, s.lambda_max)};
}

Ball initial_rate(const Evidence& e) {
    const Ball slope = {std::fabs(e.training.loss.slope_at_zero),
                        4.0 * kEpsilon * std::fabs(e.training.loss.slope_at_zero)};
    return kSqrt2 * e.training.beta * slope * zbar_norm(e.means());
}

double smoothness(double beta, double curvature_max, double lambda_max) {
    return 2.0 * beta * beta * curvature_max * lambda_max;
}

Ball smoothness(const Evidence& e) {
    const double curvature = e.training.loss.curvature_max;
    if (!std::isfinite(curvature)) return {curvature, 0.0};
    return Ball(2.0) * e.training.beta * e.training.beta *
           Ball(curvature, 4.0 * kEpsilon * std::fabs(curvature)) * lambda_max(e.statistics());
}

Ball time_of(const Record& record) { return {record.time, kEpsilon * record.time}; }

Ball step_curvature(const Evidence& e) { return smoothness(e) * e.training.eta; }

namespace {

bool is_flow(const Evidence& e) { return e.training.dynamics == Dynamics::kGradientFlow; }

/// f(k log(1 - x)) for x = eta kappa, f monotone with |f'| <= 1 below zero; x may round beyond 1.
template <class Function>
Ball of_steps(const Evidence& e, double steps, Function f) {
    if (steps == 0.0) return f(0.0);
    const Ball x = step_curvature(e);
    const auto exponent = [&](double y) { return steps * std::log1p(-std::min(y, 1.0)); };
    const Ball out = ball::monotone({std::min(x.value, 1.0), x.radius}, x.low(), x.high(),
                                    [&](double y) { return f(exponent(y)); });
    const double size = exponent(x.value);
    return out.widened(std::isfinite(size) ? 4.0 * kEpsilon * std::fabs(size) * std::exp(size)
                                           : 0.0);
}

}  // namespace

Ball decay_factor(const Evidence& e, const Record& r) {
    if (is_flow(e)) return exp(-(smoothness(e) * time_of(r)));
    return of_steps(e, r.step, [](double y) { return std::exp(y); });
}

Ball decayed_time(const Evidence& e, const Record& r) {
    const Ball kappa = smoothness(e);
    if (kappa.value == 0.0) return time_of(r);
    const Ball lost = is_flow(e)
                          ? -expm1(Ball(-2.0) * kappa * time_of(r))
                          : of_steps(e, 2.0 * r.step, [](double y) { return -std::expm1(y); });
    return lost / (Ball(2.0) * kappa);
}

namespace {

/// The largest value of a concave function of whole numbers, by thirds: where it is.
template <class Function>
double best_whole(double most, Function f) {
    double low = 0.0, high = most;
    while (high - low > 2.0) {
        const double a = std::floor(low + (high - low) / 3.0),
                     b = std::ceil(high - (high - low) / 3.0);
        (f(a) < f(b) ? low : high) = f(a) < f(b) ? a : b;
    }
    double best = low;
    for (double m = low + 1.0; m <= high; m += 1.0)
        if (f(m) > f(best)) best = m;
    return best;
}

}  // namespace

double steps_held(double kappa, double eta, double steps) {
    const double unit = (1.0 - 0.5 * kappa * eta) * eta,
                 shrink = std::log1p(-std::min(1.0, kappa * eta));
    return best_whole(steps, [&](double rest) {
        const double A = unit * rest, before = 2.0 * (steps - rest);
        const double lost = before > 0.0 ? -std::expm1(before * shrink) : 0.0;
        return lost / (2.0 * kappa) + A / (1.0 + 2.0 * kappa * A);
    });
}

Ball held_time(const Evidence& e, const Record& r) {
    const Ball kappa = smoothness(e), two = Ball(2.0) * kappa;
    if (kappa.value == 0.0) return time_of(r);
    const double k = kappa.value, t = r.time, steps = 4096.0;
    if (is_flow(e)) {
        const double part = best_whole(steps, [&](double m) {
            const double rest = t * m / steps;
            return -std::expm1(-2.0 * k * (t - rest)) / (2.0 * k) + rest / (1.0 + 2.0 * k * rest);
        });
        const Ball rest = time_of(r) * Ball(part / steps);
        return -expm1(-(two * (time_of(r) - rest))) / two + rest / (Ball(1.0) + two * rest);
    }
    const Ball c = Ball(1.0) - Ball(0.5) * step_curvature(e);
    const double m = steps_held(k, e.training.eta, r.step);
    const Ball A = c * Ball(e.training.eta) * Ball(m);
    const Ball lost = of_steps(e, 2.0 * (r.step - m), [](double y) { return -std::expm1(y); });
    return lost / two + A / (Ball(1.0) + two * A);
}

double cosine_error(const Evidence& e) {
    const Ball zbar = zbar_norm(e.means());
    return 2.0 * zbar.radius / zbar.value +
           gamma_of(2.0 * static_cast<double>(e.means().zbar.size()) + 16.0);
}

Ball curved_time(const Evidence& e, const Record& r) {
    if (is_flow(e)) return time_of(r);
    return max(0.0, time_of(r) - e.training.eta);
}

std::function<std::vector<Comparison>(const Evidence&)> after_start(
    std::function<Comparison(const Evidence&, const Record&)> make) {
    return [make = std::move(make)](const Evidence& evidence) {
        std::vector<Comparison> out;
        for (const Record& record : evidence.trajectory().records)
            if (record.time > 0.0) out.push_back(make(evidence, record));
        return out;
    };
}

Ball measured_rate(const Record& r) { return {r.update_rate, r.error.update_rate}; }

Ball rate_moved(const Evidence& e, const Record& r, double drift) {
    return measured_rate(r).widened(drift == 0.0 ? 0.0 : smoothness(e).high() * drift);
}

Ball update_rate(const Evidence& e, const Record& r) { return rate_moved(e, r, r.error.drift); }

Ball rate_since(const Evidence& e, const Record& before, const Record& r) {
    return rate_moved(e, r, r.error.drift - before.error.drift);
}

Ball head_change(const Record& r) { return {r.head_change, r.error.head_change + r.error.drift}; }

Ball linear_remainder(const Record& r) {
    return {r.linear_remainder, r.error.linear_remainder + r.error.drift};
}

Ball measured_loss(const Record& r) { return {r.train.loss, r.error.loss}; }

double unless_at_rest(const Evidence& e, Relation relation, double trivial) {
    if (initial_rate(e).low() > 0.0) return trivial;
    return relation == Relation::kAtLeast ? kInfinity : -kInfinity;
}

double largest_rate(const Evidence& e) {
    return std::sqrt(2.0) * e.training.beta * e.training.loss.slope_max *
           std::sqrt(e.statistics().mean_square);
}

/// Convex: the exact head is within the drift, L changes by at most (R + kappa drift / 2) drift.
/// Otherwise only what a step gains is known: each of it is off by 2 R ||e|| and, through R at that
/// step, by 2 kappa drift R(0) a unit of time.
Ball loss_moved(const Evidence& e, const Record& r, double drift) {
    if (drift == 0.0) return measured_loss(r);
    const Ball kappa = smoothness(e);
    double slope = r.update_rate + r.error.update_rate + kappa.high() * drift;
    if (!e.training.loss.convex)
        slope = 2.0 * largest_rate(e) + 2.0 * kappa.high() * r.time * initial_rate(e).high() +
                kappa.high() * drift;
    return measured_loss(r).widened(slope * drift);
}

Ball loss(const Evidence& e, const Record& r) { return loss_moved(e, r, r.error.drift); }

Ball loss_drop(const Evidence& e, const Record& r) {
    return measured_loss(e.trajectory().records.front()) - loss(e, r);
}

}  // namespace prefdyn::theory
