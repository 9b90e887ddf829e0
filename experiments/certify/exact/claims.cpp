#include "experiments/certify/exact/claims.hpp"

#include <algorithm>
#include <map>

namespace prefdyn::certify {

namespace {

using theory::Relation;
using Comparisons = std::vector<ExactComparison>;

/// Mean rows of the named class, z turned back to g.
RealVector class_mean(const Rows& rows, const std::vector<std::int8_t>& label, int sign) {
    RealVector out = rows.mean([&](Index i) { return label[static_cast<std::size_t>(i)] == sign; });
    for (Real& x : out) x *= Real(sign);
    return out;
}

RealVector difference(const RealVector& a, const RealVector& b) {
    RealVector out = a;
    for (std::size_t j = 0; j < a.size(); ++j) out[j] -= b[j];
    return out;
}

Real product(const RealVector& a, const RealVector& b) {
    return dot(a.data(), 1, b.data(), 1, static_cast<std::ptrdiff_t>(a.size()));
}

Real told_lambda(const Subject& subject, const Rows& rows) {
    const double factor = subject.fault.lambda_factor;
    if (factor != 0.0) return largest_eigenvalue(rows) * Real(factor);
    Real trace;
    for (const Real& z : rows.z) add_product(trace, z, z);
    return trace / Real(static_cast<double>(rows.n)) / Real(static_cast<double>(rows.d));
}

const Dataset& told_data(const Subject& s) {
    return s.fault.told_data ? *s.fault.told_data : s.data;
}

}  // namespace

Told::Told(const Subject& s)
    : subject(s),
      rows(told_data(s)),
      phi(s.loss),
      beta(s.fault.told_beta > 0.0 ? s.fault.told_beta : s.beta),
      eta(s.fault.told_eta > 0.0 ? s.fault.told_eta : s.training.eta) {
    if (s.fault.told_value_at_zero) phi.at_zero = *s.fault.told_value_at_zero;
    if (s.fault.told_slope_at_zero) phi.slope_at_zero = *s.fault.told_slope_at_zero;
    kappa = Real(2.0) * square(beta) * phi.curvature_max * told_lambda(s, rows);
    zbar = rows.mean([](Index) { return true; });
    zbar_norm = norm(zbar);
    rate = sqrt(Real(2.0)) * beta * abs(phi.slope_at_zero) * zbar_norm;
    const Dataset& data = told_data(s);
    balanced = data.count(+1) == data.count(-1);
    distance = norm(difference(class_mean(rows, data.label, +1), class_mean(rows, data.label, -1)));
    for (Index i = 0; i < rows.n; ++i) {
        const Real along = zbar_norm.is_zero() ? Real() : rows.product(i, zbar) / zbar_norm;
        const Real length = norm(RealVector(rows.row(i), rows.row(i) + rows.d));
        projection.push_back(along);
        cosine.push_back(length.is_zero() ? Real() : along / length);
    }
    if (!data.behaviour.empty()) behaviours(data);
}

void Told::behaviours(const Dataset& data) {
    const int K = 1 + *std::max_element(data.behaviour.begin(), data.behaviour.end());
    const auto of = [&](int k, int sign) {
        RealVector out = rows.mean([&](Index i) {
            const auto row = static_cast<std::size_t>(i);
            return data.behaviour[row] == k && (sign == 0 || data.label[row] == sign);
        });
        return out;
    };
    const Real half = 0.5;
    for (int k = 0; k < K; ++k) {
        behaviour.push_back(of(k, 0));
        if (!subject.fault.differences_for_means) continue;
        const RealVector plus = of(k, +1), minus = of(k, -1);  // of z: mu_+ and -mu_-
        for (std::size_t j = 0; j < plus.size(); ++j)
            behaviour.back()[j] = half * (plus[j] + minus[j]);
    }
    if (!subject.fault.weights_ignored) return;
    zbar = RealVector(zbar.size());
    for (const RealVector& b : behaviour)
        for (std::size_t j = 0; j < b.size(); ++j) zbar[j] += b[j] / Real(K);
    zbar_norm = norm(zbar);
}

namespace {

/// T1 to T4.

Real one_less(const Told& t) { return max(0.0, Real(1.0) - t.eta * t.kappa); }

Real decay(const Told& t, Index step) {
    return power(one_less(t), static_cast<std::uint64_t>(step));
}

/// (1 - decay^2) / (2 kappa); t where kappa = 0.
Real decayed_time(const Told& t, Index step) {
    if (t.kappa.is_zero()) return t.time(step);
    return (Real(1.0) - square(decay(t, step))) / (Real(2.0) * t.kappa);
}

using PointComparison = std::function<ExactComparison(const Told&, const Walk&, const Point&)>;

std::function<Comparisons(const Told&, const Walk&)> after_start(PointComparison make) {
    return [make = std::move(make)](const Told& t, const Walk& w) {
        Comparisons out;
        for (const Point& p : w.points)
            if (p.step > 0) out.push_back(make(t, w, p));
        return out;
    };
}

Comparisons initial_rate(const Told& t, const Walk& w) {
    const Real& measured = w.points.front().update_rate;
    Comparisons out = {{0, measured, t.rate, Relation::kEqual}};
    if (t.balanced) {
        const Real bound = t.beta * abs(t.phi.slope_at_zero) * t.distance / sqrt(Real(2.0));
        out.push_back({0, measured, bound, Relation::kEqual});
    }
    return out;
}

Comparisons rate_falls(const Told& t, const Walk& w) {
    Comparisons out;
    for (std::size_t k = 1; k < w.points.size(); ++k)
        out.push_back({w.points[k].step, w.points[k].update_rate, w.points[k - 1].update_rate,
                       Relation::kAtMost, t.rate});
    return out;
}

ExactComparison change_at_most(const Told& t, const Walk& w, const Point& p) {
    const Real linear = t.time(p.step) * t.rate;
    const Real c = Real(1.0) - Real(0.5) * t.eta * t.kappa;
    if (!c.is_positive()) return {p.step, p.head_change, linear, Relation::kAtMost};
    Real fall = w.points.front().loss - p.loss;
    if (t.phi.bounded_below) fall = min(fall, t.phi.at_zero - t.phi.infimum);
    return {p.step, p.head_change, min(linear, sqrt(t.time(p.step) * fall / c)), Relation::kAtMost};
}

ExactComparison rate_at_least(const Told& t, const Walk&, const Point& p) {
    return {p.step, p.update_rate, t.rate * decay(t, p.step), Relation::kAtLeast, t.rate};
}

ExactComparison change_at_least(const Told& t, const Walk&, const Point& p) {
    return {p.step, p.head_change, t.rate * decayed_time(t, p.step), Relation::kAtLeast};
}

ExactComparison straight(const Told& t, const Walk&, const Point& p) {
    const Real bound = Real(0.5) * t.kappa * square(t.time(p.step)) * t.rate;
    return {p.step, p.linear_remainder, bound, Relation::kAtMost};
}

ExactComparison fall_at_least(const Told& t, const Walk& w, const Point& p) {
    return {p.step, w.points.front().loss - p.loss, square(t.rate) * decayed_time(t, p.step),
            Relation::kAtLeast};
}

ExactComparison fall_at_most(const Told& t, const Walk& w, const Point& p) {
    return {p.step, w.points.front().loss - p.loss, t.time(p.step) * square(t.rate),
            Relation::kAtMost};
}

/// T6. Accuracies are counts of rows: whole numbers, unless a margin cannot be told from zero.

double size_of(const Told& t) { return static_cast<double>(t.rows.n); }

Real count_between(Index sure, Index possible) {
    const Real low = static_cast<double>(sure);
    return sure == possible ? low : Real::hull(low, static_cast<double>(possible));
}

Real correct(const Point& p) { return count_between(p.sure, p.possible); }

Comparisons early_accuracy(const Told& t, const Walk& w) {
    Comparisons out;
    for (const Point& p : w.points) {
        if (p.step == 0) continue;
        const Real threshold = Real(0.5) * t.kappa * t.eta * Real(static_cast<double>(p.step - 1));
        if ((threshold - Real(1.0)).is_nonnegative()) continue;
        Index sure = 0, possible = 0;
        for (const Real& c : t.cosine) {
            const Real beyond = c - threshold;
            sure += beyond.is_positive() ? 1 : 0;
            possible += (-beyond).is_nonnegative() ? 0 : 1;
        }
        out.push_back({p.step,
                       correct(p),
                       count_between(sure, possible),
                       Relation::kAtLeast,
                       {},
                       size_of(t)});
    }
    return out;
}

/// n (1 - (loss - inf phi) / (phi(0) - inf phi)).
ExactComparison accuracy_at_least(const Told& t, const Point& p, const Real& loss) {
    const Real share = Real(1.0) - (loss - t.phi.infimum) / (t.phi.at_zero - t.phi.infimum);
    return {p.step, correct(p), Real(size_of(t)) * share, Relation::kAtLeast, {}, size_of(t)};
}

ExactComparison accuracy_from_loss(const Told& t, const Walk&, const Point& p) {
    return accuracy_at_least(t, p, p.loss);
}

/// (1/n) sum phi(2 beta r w . z_i) + r^2 / t at a given r, or at r = 0 where that is less.
Real comparator_loss(const Told& t, double r, Index step) {
    if (r == 0.0) return t.phi.at_zero;
    const Real factor = Real(2.0) * t.beta * Real(r);
    Real sum;
    for (const Real& p : t.projection) sum += t.phi.value(factor * p);
    return min(t.phi.at_zero, sum / Real(size_of(t)) + square(Real(r)) / t.time(step));
}

Comparisons accuracy_from_comparator(const Told& t, const Walk& w) {
    Comparisons out;
    for (const Point& p : w.points)
        if (p.step > 0)
            out.push_back(accuracy_at_least(
                t, p, comparator_loss(t, t.subject.comparator.at(out.size()), p.step)));
    return out;
}

/// T8. M_k' per unit of bbar . b_k.
Real margin_scale(const Told& t) { return Real(-2.0) * square(t.beta) * t.phi.slope_at_zero; }

Comparisons margin_slopes(const Told& t, const Walk& w) {
    Comparisons out;
    const auto step =
        std::find_if(w.points.begin(), w.points.end(), [](const Point& p) { return p.step == 1; });
    for (std::size_t k = 0; k < t.behaviour.size(); ++k) {
        const Real bound = margin_scale(t) * product(t.zbar, t.behaviour[k]);
        out.push_back({0, w.behaviour_slope[k], bound, Relation::kEqual});
        if (step != w.points.end() && t.subject.training.method == Method::kGradientDescent)
            out.push_back({1, step->behaviour_margin[k] / t.eta, bound, Relation::kEqual});
    }
    return out;
}

ExactComparison pair_at(const Told& t, const Point& p, std::size_t i, std::size_t j) {
    const RealVector apart = difference(t.behaviour[i], t.behaviour[j]);
    const Real scale = margin_scale(t) * t.time(p.step);
    const Real lead = p.behaviour_margin[i] - p.behaviour_margin[j];
    const Real linear = scale * product(t.zbar, apart);
    const Real lost = Real(0.5) * t.kappa * t.time(p.step) * scale * t.zbar_norm * norm(apart);
    if ((linear - lost).is_positive()) return {p.step, lead, linear - lost, Relation::kAtLeast};
    return {p.step, linear - lead, lost, Relation::kAtMost};
}

Comparisons priority_lead(const Told& t, const Walk& w) {
    Comparisons out;
    for (std::size_t i = 0; i < t.behaviour.size(); ++i)
        for (std::size_t j = 0; j < t.behaviour.size(); ++j) {
            const Real apart = product(t.zbar, difference(t.behaviour[i], t.behaviour[j]));
            if (i == j || !apart.is_positive()) continue;
            for (const Point& p : w.points)
                if (p.step > 0) out.push_back(pair_at(t, p, i, j));
        }
    return out;
}

/// Of two behaviours with equally many rows.
Comparisons priority_of_two(const Told& t, const Walk& w) {
    const auto rows = [&](int k) {
        return std::count(t.subject.data.behaviour.begin(), t.subject.data.behaviour.end(), k);
    };
    const bool alike = rows(0) == rows(1) || t.subject.presume;
    if (t.behaviour.size() != 2 || !alike) return {};
    const Real first = product(t.behaviour[0], t.behaviour[0]),
               second = product(t.behaviour[1], t.behaviour[1]);
    const Real unit = margin_scale(t) * t.zbar_norm;
    const Real two = Real(2.0) * t.zbar_norm;
    return {{0, (w.behaviour_slope[0] - w.behaviour_slope[1]) / unit, (first - second) / two,
             Relation::kEqual, (first + second) / two}};
}

Comparisons loss_slopes(const Told& t, const Walk& w) {
    Comparisons out;
    for (std::size_t k = 0; k < t.behaviour.size(); ++k)
        out.push_back({0, -w.behaviour_loss_slope[k],
                       -margin_scale(t) * t.phi.slope_at_zero * product(t.zbar, t.behaviour[k]),
                       Relation::kEqual});
    return out;
}

}  // namespace

const ExactClaim* exact_claim(const std::string& id) {
    static const std::map<std::string, ExactClaim> all = {
        {"T1", {initial_rate}},
        {"T2a", {rate_falls, 2.0}},
        {"T2b", {after_start(change_at_most), 2.0}},
        {"T3a", {after_start(rate_at_least), 1.0}},
        {"T3b", {after_start(change_at_least), 1.0}},
        {"T3c", {after_start(straight), 2.0}},
        {"T4a", {after_start(fall_at_least), 1.0}},
        {"T4b", {after_start(fall_at_most), 2.0}},
        {"T6a", {early_accuracy, 2.0, true}},
        {"T6b", {after_start(accuracy_from_loss), 0.0, true, true}},
        {"T6e", {accuracy_from_comparator, 1.0, true, true}},
        {"T8a", {margin_slopes, 0.0, false, false, true}},
        {"T8b", {priority_lead, 2.0, true, false, true}},
        {"T8c", {priority_of_two, 0.0, false, false, true}},
        {"T8d", {loss_slopes, 0.0, false, false, true}},
    };
    const auto found = all.find(id);
    return found == all.end() ? nullptr : &found->second;
}

}  // namespace prefdyn::certify
