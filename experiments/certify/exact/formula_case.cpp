#include "experiments/certify/exact/formula_case.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "theory/rates.hpp"

namespace prefdyn::theory {

template <>
struct Arithmetic<certify::Real> {
    using Real = certify::Real;

    static Truth sign(const Real& x, bool zero_counts) {
        if (x.is_positive() || (zero_counts && x.is_nonnegative())) return Truth::kYes;
        return x.is_negative() || (!zero_counts && x.is_zero()) ? Truth::kNo : Truth::kMaybe;
    }
    static Truth less(const Real& a, const Real& b) { return sign(b - a, false); }
    static Truth at_most(const Real& a, const Real& b) { return sign(b - a, true); }
    static Truth equal(const Real& a, const Real& b) {
        const Real apart = a - b;
        return apart.is_zero() ? Truth::kYes : apart.contains_zero() ? Truth::kMaybe : Truth::kNo;
    }
    static Real apply(Function f, const Real& x) {
        switch (f) {
            case Function::kExp:
                return exp(x);
            case Function::kLog:
                return log(x);
            case Function::kSqrt:
                return sqrt(x);
            case Function::kAbs:
                return abs(x);
            case Function::kSin:
                return sin(x);
            case Function::kCos:
                return cos(x);
            case Function::kPhi:
                return normal_cdf(x);
            case Function::kSigmoid:
                return Real(1.0) / (Real(1.0) + exp(-x));
            case Function::kSoftplus:
                return log1p(exp(x));
        }
        return x;
    }
    static Real power(const Real& base, const Real& exponent) {
        const double e = exponent.value();
        if (exponent.is_exact() && e == std::round(e) && std::fabs(e) <= 64.0) {
            const Real size = certify::power(base, static_cast<std::uint64_t>(std::fabs(e)));
            return e < 0.0 ? Real(1.0) / size : size;
        }
        if (exponent.is_exact() && e == 0.5) return sqrt(base);
        return base.is_zero() ? Real() : exp(exponent * log(base));
    }
    static Real quotient(const Real& a, const Real& b) { return a / b; }
    static Real lesser(const Real& a, const Real& b) { return min(a, b); }
    static Real larger(const Real& a, const Real& b) { return max(a, b); }
    static bool is_zero(const Real& x) { return x.is_zero(); }
    static Real sum(const Real* x, std::size_t n) {
        Real out;
        for (std::size_t i = 0; i < n; ++i) out += x[i];
        return out;
    }
    /// The number of that rank: of those that cannot be told from it, whichever.
    static Real ranked(std::vector<Real> x, std::size_t rank) {
        std::ranges::sort(x, {}, [](const Real& r) { return r.value(); });
        Real out = x[rank];
        for (bool grown = true; grown;) {
            grown = false;
            for (const Real& other : x) {
                if (!(other - out).contains_zero()) continue;
                const Real both = Real::hull(out, other);
                grown = grown || both.low() < out.low() || both.high() > out.high();
                out = both;
            }
        }
        return out;
    }
    static Real quantile(const Real* x, std::size_t n, double level) {
        const double position = level * static_cast<double>(n - 1);
        const auto low = static_cast<std::size_t>(position);
        const Real a = ranked({x, x + n}, low), b = ranked({x, x + n}, std::min(low + 1, n - 1));
        return a + Real(position - static_cast<double>(low)) * (b - a);
    }
    static Real cover(const Real* x, std::size_t n, double level) {
        const double wanted = std::max(1.0, std::ceil(level * static_cast<double>(n)));
        return ranked({x, x + n}, std::min(static_cast<std::size_t>(wanted), n) - 1);
    }
    static Real share(std::size_t sure, std::size_t possible, std::size_t n) {
        const Real low = Real(static_cast<double>(sure)),
                   high = Real(static_cast<double>(possible));
        return Real::hull(low, high) / Real(static_cast<double>(n));
    }
};

}  // namespace prefdyn::theory

namespace prefdyn::certify {

namespace {

using theory::About;
using theory::FormulaClaim;
using theory::Over;
using theory::Place;
using theory::Quantity;
using theory::Values;

double count(Index n) { return static_cast<double>(n); }

/// What a quantity is made of.
struct Case {
    const Told& told;
    const Walk& walk;
};

using Fixed = std::function<Real(const Case&)>;
using AtPoint = std::function<Real(const Case&, const Point&)>;
using OfRow = std::function<Real(const Case&, std::size_t)>;
using RowAtPoint = std::function<Real(const Case&, const Point&, std::size_t)>;
/// Of behaviour k, beside behaviour j.
using OfBehaviour = std::function<Real(const Case&, std::size_t k, std::size_t j)>;
using BehaviourAtPoint = std::function<Real(const Case&, const Point&, std::size_t)>;

struct Exact {
    Fixed fixed = {};
    AtPoint at_point = {};
    OfRow of_row = {};
    RowAtPoint row_at_point = {};
    OfBehaviour of_behaviour = {};
    BehaviourAtPoint behaviour_at_point = {};
};

Real row_length(const Case& c, std::size_t i) {
    const Rows& rows = c.told.rows;
    return norm(
        RealVector(rows.row(static_cast<Index>(i)), rows.row(static_cast<Index>(i)) + rows.d));
}

Real decay(const Case& c, const Point& p) {
    const Real left = max(0.0, Real(1.0) - c.told.eta * c.told.kappa);
    return power(left, static_cast<std::uint64_t>(p.step));
}

Real decayed_time(const Case& c, const Point& p) {
    if (c.told.kappa.is_zero()) return c.told.time(p.step);
    return (Real(1.0) - square(decay(c, p))) / (Real(2.0) * c.told.kappa);
}

/// Infinite where c is not positive: nothing is known there.
Real energy_time(const Case& c, const Point& p) {
    const Real share = Real(1.0) - Real(0.5) * c.told.eta * c.told.kappa;
    return share.is_positive() ? c.told.time(p.step) / share : Real(kInfinity);
}

Real q_share(const Case& c);

/// As theory/formula/ball_quantities.cpp has it.
Real bend(const Case& c, const Point& p) {
    if (c.told.kappa.is_zero() || p.step == 0) return Real();
    const Real x = c.told.kappa * c.told.time(p.step);
    const Real along = sqrt(q_share(c)) * (expm1(x) - x) / x;
    const Real early = Real(0.5) * c.told.kappa * c.told.time(std::max<Index>(0, p.step - 1));
    const Real least = min(early, along), late_time = energy_time(c, p);
    if (!late_time.is_finite()) return least;
    return min(least, Real(2.0) / Real(3.0) * sqrt(Real(0.5) * c.told.kappa * late_time));
}

/// The loss at a point stands for the steps to the next.
Real loss_decay(const Case& c, const Point& p) {
    Real most;
    for (Index i = 0; i < c.told.rows.n; ++i)
        most = max(most, dot(c.told.rows.row(i), 1, c.told.rows.row(i), 1, c.told.rows.d));
    Real out = 1.0;
    const auto& points = c.walk.points;
    for (std::size_t k = 0; k + 1 < points.size() && points[k].step < p.step; ++k) {
        const Real left =
            Real(1.0) - c.told.eta * Real(2.0) * square(c.told.beta) * most * points[k].loss;
        if (!left.is_positive()) return Real();
        out *= power(left, static_cast<std::uint64_t>(points[k + 1].step - points[k].step));
    }
    return out;
}

Real held_time(const Case& c, const Point& p) {
    const Real& kappa = c.told.kappa;
    if (kappa.is_zero()) return c.told.time(p.step);
    const double m = theory::steps_held(kappa.value(), c.told.eta.value(), count(p.step));
    const Real A = (Real(1.0) - Real(0.5) * c.told.eta * kappa) * c.told.eta * Real(m);
    const Real left = max(0.0, Real(1.0) - c.told.eta * kappa), two = Real(2.0) * kappa;
    const auto before = static_cast<std::uint64_t>(2.0 * (count(p.step) - m));
    return (Real(1.0) - power(left, before)) / two + A / (Real(1.0) + two * A);
}

/// Not finite for a head that has not moved.
Real sin_zbar(const Case& c, const Point& p) {
    const Real share = inner(p.head, c.told.zbar) / square(c.told.zbar_norm);
    RealVector across = p.head;
    for (std::size_t j = 0; j < across.size(); ++j) across[j] -= share * c.told.zbar[j];
    return norm(across) / norm(p.head);
}

Real curvature_along_mean(const Case& c) {
    Real sum;
    for (const Real& p : c.told.projection) add_product(sum, p, p);
    return Real(2.0) * square(c.told.beta) * c.told.phi.curvature_max * sum /
           Real(count(c.told.rows.n));
}

Real q_share(const Case& c) {
    return c.told.kappa.is_zero() ? Real() : curvature_along_mean(c) / c.told.kappa;
}

Real most_fall(const Case& c) {
    return c.told.phi.bounded_below ? c.told.phi.at_zero - c.told.phi.infimum : Real(kInfinity);
}

Real mean_square(const Case& c) {
    Real sum;
    for (const Real& z : c.told.rows.z) add_product(sum, z, z);
    return sum / Real(count(c.told.rows.n));
}

Real labelled(const Case& c, int sign) { return Real(count(c.told.subject.data.count(sign))); }

const std::map<std::string, Exact>& exact_quantities() {
    using C = const Case&;
    using P = const Point&;
    static const std::map<std::string, Exact> all = {
        {"n", {.fixed = [](C c) { return Real(count(c.told.rows.n)); }}},
        {"d", {.fixed = [](C c) { return Real(count(c.told.rows.d)); }}},
        {"n_plus", {.fixed = [](C c) { return labelled(c, +1); }}},
        {"n_minus", {.fixed = [](C c) { return labelled(c, -1); }}},
        {"p_plus", {.fixed = [](C c) { return labelled(c, +1) / Real(count(c.told.rows.n)); }}},
        {"D", {.fixed = [](C c) { return c.told.distance; }}},
        {"zbar", {.fixed = [](C c) { return c.told.zbar_norm; }}},
        {"mean_square", {.fixed = mean_square}},
        {"kappa", {.fixed = [](C c) { return c.told.kappa; }}},
        {"kappa_zbar", {.fixed = curvature_along_mean}},
        {"beta", {.fixed = [](C c) { return c.told.beta; }}},
        {"eta", {.fixed = [](C c) { return c.told.eta; }}},
        {"K",
         {.fixed =
              [](C c) {
                  return Real(
                      static_cast<double>(std::max<std::size_t>(1, c.told.behaviour.size())));
              }}},
        {"phi0", {.fixed = [](C c) { return c.told.phi.at_zero; }}},
        {"phi_inf", {.fixed = [](C c) { return c.told.phi.infimum; }}},
        {"most_fall", {.fixed = most_fall}},
        {"slope0", {.fixed = [](C c) { return abs(c.told.phi.slope_at_zero); }}},
        {"falls0", {.fixed = [](C c) { return -c.told.phi.slope_at_zero; }}},
        {"curvature", {.fixed = [](C c) { return c.told.phi.curvature_max; }}},
        {"R0", {.fixed = [](C c) { return c.told.rate; }}},
        {"L0", {.fixed = [](C c) { return c.walk.points.front().loss; }}},
        {"norm_dv0", {.fixed = [](C c) { return c.told.rate / sqrt(Real(2.0)); }}},
        {"step", {.at_point = [](C, P p) { return Real(count(p.step)); }}},
        {"t", {.at_point = [](C c, P p) { return c.told.time(p.step); }}},
        {"loss", {.at_point = [](C, P p) { return p.loss; }}},
        {"rate", {.at_point = [](C, P p) { return p.update_rate; }}},
        {"head_change", {.at_point = [](C, P p) { return p.head_change; }}},
        {"head_change_spectral", {.at_point = [](C, P p) { return p.head_change; }}},
        {"linear_remainder", {.at_point = [](C, P p) { return p.linear_remainder; }}},
        {"accuracy",
         {.at_point =
              [](C c, P p) {
                  return theory::Arithmetic<Real>::share(static_cast<std::size_t>(p.sure),
                                                         static_cast<std::size_t>(p.possible),
                                                         static_cast<std::size_t>(c.told.rows.n));
              }}},
        {"margin",
         {.at_point =
              [](C, P p) {
                  return theory::Arithmetic<Real>::sum(p.margin.data(), p.margin.size()) /
                         Real(static_cast<double>(p.margin.size()));
              }}},
        {"decay", {.at_point = decay}},
        {"decayed_time", {.at_point = decayed_time}},
        {"energy_time", {.at_point = energy_time}},
        {"bend", {.at_point = bend}},
        {"loss_decay", {.at_point = loss_decay}},
        {"held_time", {.at_point = held_time}},
        {"sin_zbar", {.at_point = sin_zbar}},
        {"q_share", {.fixed = q_share}},
        {"curved_time",
         {.at_point = [](C c, P p) { return c.told.time(std::max<Index>(0, p.step - 1)); }}},
        {"m", {.row_at_point = [](C, P p, std::size_t i) { return p.margin[i]; }}},
        {"dm0",
         {.of_row =
              [](C c, std::size_t i) {
                  return Real(-2.0) * square(c.told.beta) * c.told.phi.slope_at_zero *
                         c.told.rows.product(static_cast<Index>(i), c.told.zbar);
              }}},
        {"norm_z", {.of_row = row_length}},
        {"cos_z", {.of_row = [](C c, std::size_t i) { return c.told.cosine[i]; }}},
        {"proj_z", {.of_row = [](C c, std::size_t i) { return c.told.projection[i]; }}},
        {"label",
         {.of_row =
              [](C c, std::size_t i) {
                  return Real(static_cast<double>(c.told.subject.data.label[i]));
              }}},
        {"P",
         {.of_behaviour =
              [](C c, std::size_t k, std::size_t) {
                  return inner(c.told.zbar, c.told.behaviour[k]) / c.told.zbar_norm;
              }}},
        {"M", {.behaviour_at_point = [](C, P p, std::size_t k) { return p.behaviour_margin[k]; }}},
        {"norm_b",
         {.of_behaviour = [](C c, std::size_t k,
                             std::size_t) { return norm(c.told.behaviour[k]); }}},
        {"dM0",
         {.of_behaviour = [](C c, std::size_t k,
                             std::size_t) { return c.walk.behaviour_slope[k]; }}},
        {"dL0",
         {.of_behaviour = [](C c, std::size_t k,
                             std::size_t) { return c.walk.behaviour_loss_slope[k]; }}},
        {"alignment",
         {.of_behaviour = [](C c, std::size_t k,
                             std::size_t) { return inner(c.told.zbar, c.told.behaviour[k]); }}},
        {"apart",
         {.of_behaviour =
              [](C c, std::size_t k, std::size_t j) {
                  return norm(difference(c.told.behaviour[k], c.told.behaviour[j]));
              }}},
        {"alignment_apart",
         {.of_behaviour =
              [](C c, std::size_t k, std::size_t j) {
                  return inner(c.told.zbar, difference(c.told.behaviour[k], c.told.behaviour[j]));
              }}},
    };
    return all;
}

class RealSource final : public theory::Source<Real> {
  public:
    RealSource(const Case& of, bool mixture, std::vector<Place> places, bool pairs)
        : case_(of), places_(std::move(places)) {
        const std::size_t K = mixture ? of.told.behaviour.size() : 0;
        for (std::size_t k = 0; k < K; ++k)
            for (std::size_t j = 0; j < (pairs ? K : 1); ++j)
                if (!pairs || j != k) behaviours_.emplace_back(k, j);
    }

    std::size_t records() const override { return places_.size(); }
    std::size_t elements(Over over) const override {
        if (over == Over::kBehaviours) return behaviours_.size();
        return over == Over::kSamples ? place(case_.told.rows.n) : 1;
    }

    Values<Real> values(const Quantity& q, bool elsewhere) const override {
        const Exact& get = exact_quantities().at(q.name);
        Values<Real> out{q.at_records, q.over, {}};
        const std::size_t rows = q.at_records ? places_.size() : 1, size = elements(q.over);
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t e = 0; e < size; ++e) out.x.push_back(value(get, r, e, elsewhere));
        return out;
    }

  private:
    Real value(const Exact& get, std::size_t r, std::size_t e, bool elsewhere) const {
        if (get.fixed) return get.fixed(case_);
        if (get.of_row) return get.of_row(case_, e);
        if (get.of_behaviour) {
            const auto& [k, j] = behaviours_[e];
            return elsewhere ? get.of_behaviour(case_, j, k) : get.of_behaviour(case_, k, j);
        }
        const bool other_record = elsewhere && !get.behaviour_at_point;
        const Point& p = case_.walk.points[other_record ? places_[r].elsewhere : places_[r].at];
        if (get.at_point) return get.at_point(case_, p);
        if (get.row_at_point) return get.row_at_point(case_, p, e);
        return get.behaviour_at_point(case_, p,
                                      elsewhere ? behaviours_[e].second : behaviours_[e].first);
    }

    Case case_;
    std::vector<Place> places_;
    std::vector<std::pair<std::size_t, std::size_t>> behaviours_;
};

class RealCase final : public theory::FormulaCase<Real> {
  public:
    RealCase(const Told& told, const Walk& walk, bool mixture)
        : case_{told, walk}, mixture_(mixture) {}
    std::size_t records() const override { return case_.walk.points.size(); }
    std::unique_ptr<theory::Source<Real>> source(std::vector<Place> places,
                                                 bool pairs) const override {
        return std::make_unique<RealSource>(case_, mixture_, std::move(places), pairs);
    }

  private:
    Case case_;
    bool mixture_;
};

}  // namespace

std::string why_not(const FormulaClaim& claim) {
    for (const Quantity* q : theory::names_of(claim, false)) {
        const bool own_D = claim.about == About::kBehaviours && std::string(q->name) == "D";
        if (!exact_quantities().contains(q->name) || own_D)
            return std::string(q->name) + " has no exact counterpart";
    }
    return {};
}

std::vector<ExactComparison> formula_comparisons(const FormulaClaim& claim, const Told& told,
                                                 const Walk& walk) {
    const RealCase of(told, walk, claim.about == About::kBehaviours);
    std::vector<ExactComparison> out;
    for (theory::Statement s : claim.statements) {
        s.trivial.reset();  // needs no proof
        theory::compare<Real>(s, of, [&](const theory::Compared<Real>& c) {
            const bool bounded = std::isfinite(s.most - s.least);
            out.push_back({walk.points[c.place.at].step, c.measured, c.bound, c.relation,
                           c.scale   ? *c.scale
                           : bounded ? Real(s.most - s.least)
                                     : Real()});
        });
    }
    return out;
}

std::string unmet(const FormulaClaim& claim, const Told& told, const Walk& walk) {
    if (claim.eta_kappa > 0.0 && (told.eta * told.kappa - Real(claim.eta_kappa)).is_positive())
        return "eta kappa is above " + std::to_string(claim.eta_kappa);
    const RealCase of(told, walk, claim.about == About::kBehaviours);
    const auto source = of.source({{0, 0}}, false);
    theory::Evaluator<Real> evaluator(*source);
    for (const formula::Node& c : claim.conditions)
        if (!theory::is_met(c, evaluator.truth(c).x.front())) return "not " + formula::text_of(c);
    return {};
}

}  // namespace prefdyn::certify
