#include <algorithm>
#include <map>

#include "experiments/certify/exact/formula_case.hpp"

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

/// T6. Accuracies are counts of rows: whole numbers, unless a margin cannot be told from zero.

double size_of(const Told& t) { return static_cast<double>(t.rows.n); }

Real count_between(Index sure, Index possible) {
    const Real low = static_cast<double>(sure);
    return sure == possible ? low : Real::hull(low, static_cast<double>(possible));
}

Real correct(const Point& p) { return count_between(p.sure, p.possible); }

/// n (1 - (loss - inf phi) / (phi(0) - inf phi)).
ExactComparison accuracy_at_least(const Told& t, const Point& p, const Real& loss) {
    const Real share = Real(1.0) - (loss - t.phi.infimum) / (t.phi.at_zero - t.phi.infimum);
    return {p.step, correct(p), Real(size_of(t)) * share, Relation::kAtLeast, {}, size_of(t)};
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

/// Of two behaviours with equally many rows.
Comparisons priority_of_two(const Told& t, const Walk& w) {
    const auto rows = [&](int k) {
        return std::count(t.subject.data.behaviour.begin(), t.subject.data.behaviour.end(), k);
    };
    const bool alike = rows(0) == rows(1) || t.subject.presume;
    if (t.behaviour.size() != 2 || !alike) return {};
    const Real first = inner(t.behaviour[0], t.behaviour[0]),
               second = inner(t.behaviour[1], t.behaviour[1]);
    const Real unit = margin_scale(t) * t.zbar_norm;
    const Real two = Real(2.0) * t.zbar_norm;
    return {{0, (w.behaviour_slope[0] - w.behaviour_slope[1]) / unit, (first - second) / two,
             Relation::kEqual, (first + second) / two}};
}

}  // namespace

const ExactClaim* exact_claim(const std::string& id) {
    static const std::map<std::string, ExactClaim> all = {
        {"T6e", {accuracy_from_comparator, 1.0, true, true}},
        {"T8c", {priority_of_two, 0.0, false, false, true}},
    };
    const auto found = all.find(id);
    return found == all.end() ? nullptr : &found->second;
}

std::vector<ExactComparison> exact_comparisons(const theory::Claim& claim, const Told& told,
                                               const Walk& walk) {
    if (claim.formula) return formula_comparisons(*claim.formula, told, walk);
    return exact_claim(claim.id)->compare(told, walk);
}

}  // namespace prefdyn::certify
