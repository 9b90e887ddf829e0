#include <cmath>

#include "theory/influence.hpp"

namespace prefdyn::theory {

namespace {

/// The negative gradient moves the logits of its own context by c (pi - e_-), c = eta ||g_-||^2;
/// 1 - pi_- is known to the rounding of 1, and so the logits to that of c.
struct Squeeze {
    double c;
    Index rejected, peak;  ///< y_-, and y* = argmax pi over the other tokens
    Vector before, change, pi;
    double step, eta, rounding;
    Worth worth;

    Squeeze(const InfluenceFacts& f, std::size_t k)
        : c(f.path[k].eta * f.pairs.minus.row(0).squaredNorm()),
          rejected(f.pairs.rejected[0]),
          before(f.path[k - 1].logp.row(1)),
          change(f.path[k].logp.row(1).transpose() - before),
          pi(before.array().exp()),
          step(f.path[k].step),
          eta(f.path[k].eta),
          rounding(logp_rounding(f, 1, f.path[k].logp) + 16.0 * kEpsilon * c),
          worth(logp_worth(f, 1)) {
        peak = rejected == 0 ? 1 : 0;
        for (Index v = 0; v < pi.size(); ++v)
            if (v != rejected && pi(v) > pi(peak)) peak = v;
    }

    void add(double measured, double bound, Relation relation, std::vector<Comparison>& out) const {
        out.push_back({step, eta, {measured, rounding}, {bound, rounding}, relation, worth});
    }
};

/// log pi(y_-) is concave in c with slope -||e_- - pi||^2 at 0.
void add_fall(const Squeeze& s, std::vector<Comparison>& out) {
    const double slope = pull(s.before, s.rejected).squaredNorm();
    s.add(-s.change(s.rejected), s.c * slope, Relation::kAtLeast, out);
}

/// No logit gains more than that of y*, which gains c pi*; that of y_- loses c (1 - pi_-).
void add_rich_get_richer(const Squeeze& s, std::vector<Comparison>& out) {
    const double minus = s.pi(s.rejected);
    const double least = -std::log1p(minus * std::expm1(-s.c * (1.0 - minus + s.pi(s.peak))));
    s.add(s.change(s.peak), least, Relation::kAtLeast, out);
}

void add_ratio(const Squeeze& s, Index v, std::vector<Comparison>& out) {
    s.add(s.change(v) - s.change(s.peak), s.c * (s.pi(v) - s.pi(s.peak)), Relation::kEqual, out);
}

/// What the first order misses of every token's change, range and variance those of pi - e_-.
Shortfall missed(const Squeeze& s) {
    const double minus = s.pi(s.rejected), range = s.pi(s.peak) + 1.0 - minus;
    Vector dz = s.pi;
    dz(s.rejected) = minus - 1.0;
    dz.array() -= s.pi.dot(dz);
    return shortfall(s.pi.dot(dz.cwiseAbs2()), range, s.c);
}

/// First order: c (pi_v + pi_- - ||pi||^2). Where it is positive but the step too large for it to
/// decide, how far the change falls short of it.
void add_threshold(const Squeeze& s, const Shortfall& miss, Index v, std::vector<Comparison>& out) {
    const double first = s.c * (s.pi(v) + s.pi(s.rejected) - s.pi.squaredNorm());
    if (!(first > 0.0)) {
        s.add(-s.change(v), miss.low - first, Relation::kAtLeast, out);
    } else if (first > miss.high) {
        s.add(s.change(v), first - miss.low, Relation::kAtMost, out);
        s.add(s.change(v), first - miss.high, Relation::kAtLeast, out);
    } else {
        s.add(first - s.change(v), miss.low, Relation::kAtLeast, out);
        s.add(first - s.change(v), miss.high, Relation::kAtMost, out);
    }
}

std::vector<Comparison> compare_squeezing(const Evidence& e) {
    std::vector<Comparison> out;
    for (std::size_t k = 1; k < e.get<InfluenceFacts>().path.size(); ++k) {
        const Squeeze s(e.get<InfluenceFacts>(), k);
        add_fall(s, out);
        add_rich_get_richer(s, out);
        const Shortfall miss = missed(s);
        for (Index v = 0; v < s.pi.size(); ++v) {
            if (v == s.rejected) continue;
            if (v != s.peak) add_ratio(s, v, out);
            add_threshold(s, miss, v, out);
        }
    }
    return out;
}

}  // namespace

Claim squeezing_effect() {
    return {
        "T12d",
        "negative gradient squeezes",
        "one context, gradient ascent on y_- alone, c = eta ||g||^2 any: log pi(y_-) falls by at "
        "least c ||e_- - pi||^2; y* = argmax of the others rises by at least -log(1 - pi_- + "
        "pi_- exp(-c (1 - pi_- + pi*))); log pi_i - log pi_j grows by c (pi_i - pi_j) for i, j != "
        "y_-; i != y_- falls if pi_i <= ||pi||^2 - pi_- and else rises while c is small",
        "theory.md T12d; the logits move by c (pi - e_-), exactly",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {has_influence(), path_measured(), trained_by(Objective::kUnlikelihood), one_example()},
        compare_squeezing,
        {.search = ContextSearch{.objective = Objective::kUnlikelihood, .path = true}},
        ren_sutherland("", "its squeezing effect, with constants of our own")};
}

}  // namespace prefdyn::theory
