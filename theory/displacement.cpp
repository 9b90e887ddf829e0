#include <algorithm>
#include <cmath>

#include "sim/base/numerics.hpp"
#include "theory/influence.hpp"

namespace prefdyn::theory {

namespace {

/// DPO with one context g and one pair of tokens: every update adds c_k = eta beta sigma(-m_k)
/// ||g||^2 to the chosen token's logit, takes it from the rejected one's and moves no other, so
/// that m_{k+1} = m_k + 2 beta c_k. The whole run follows from that recursion.
class OneContextRun {
  public:
    explicit OneContextRun(const InfluenceFacts& f)
        : start_(log_softmax(f.head * f.pairs.plus.row(0).transpose())),
          chosen_(f.pairs.chosen[0]),
          rejected_(f.pairs.rejected[0]),
          beta_(f.beta),
          square_(f.pairs.plus.row(0).squaredNorm()) {
        const Vector reference = log_softmax(f.reference * f.pairs.plus.row(0).transpose());
        margin_ = beta_ * ((start_(chosen_) - reference(chosen_)) -
                           (start_(rejected_) - reference(rejected_)));
    }

    /// Advances by one update and returns c_k.
    double step(double eta) {
        const double c = eta * beta_ * sigmoid(-margin_) * square_;
        margin_ += 2.0 * beta_ * c;
        shift_ += c;
        return c;
    }

    Vector log_pi() const {
        Vector z = start_;
        z(chosen_) += shift_;
        z(rejected_) -= shift_;
        return log_softmax(z);
    }

    const Vector& start() const { return start_; }
    Index chosen() const { return chosen_; }
    Index rejected() const { return rejected_; }

  private:
    Vector start_;
    Index chosen_, rejected_;
    double beta_, square_, margin_ = 0.0, shift_ = 0.0;
};

/// 1 - pi(+) + pi(-), d log pi(+) along e_+ - e_-, without cancellation where pi(+) is near 1.
double rise_rate(const Vector& log_pi, Index chosen, Index rejected) {
    Vector pi = log_pi.array().exp();
    pi(chosen) = 0.0;
    return pi.sum() + pi(rejected);
}

/// log pi(+) is concave along e_+ - e_-: its rise is between c times the slopes at both ends.
void add_rise(const ProbabilityRecord& before, const ProbabilityRecord& after, double c,
              const OneContextRun& run, double rounding, const Worth& worth,
              std::vector<Comparison>& out) {
    const double rise = after.logp(0, run.chosen()) - before.logp(0, run.chosen());
    const double least = c * rise_rate(after.logp.row(0), run.chosen(), run.rejected());
    const double most = c * rise_rate(before.logp.row(0), run.chosen(), run.rejected());
    out.push_back({after.step, after.eta, {rise, rounding}, least, Relation::kAtLeast, worth});
    out.push_back({after.step, after.eta, {rise, rounding}, most, Relation::kAtMost, worth});
}

/// The chosen, the rejected, and the two third tokens furthest from their common shift.
void add_closed_form(const ProbabilityRecord& record, const OneContextRun& run, double rounding,
                     const Worth& worth, std::vector<Comparison>& out) {
    const Vector want = run.log_pi() - run.start();
    const Vector got = record.logp.row(0).transpose() - run.start();
    const auto equal = [&](double a, double b) {
        out.push_back(
            {record.step, record.eta, {a, rounding}, {b, rounding}, Relation::kEqual, worth});
    };
    equal(got(run.chosen()), want(run.chosen()));
    equal(got(run.rejected()), want(run.rejected()));
    if (got.size() == 2) return;
    Index third = 0;
    while (third == run.chosen() || third == run.rejected()) ++third;
    Vector off = got.array() - want(third);
    off(run.chosen()) = off(run.rejected()) = 0.0;
    equal(want(third) + off.minCoeff<Eigen::PropagateNaN>(), want(third));
    equal(want(third) + off.maxCoeff<Eigen::PropagateNaN>(), want(third));
}

std::vector<Comparison> compare_one_context(const Evidence& e) {
    const InfluenceFacts& f = e.get<InfluenceFacts>();
    OneContextRun run(f);
    std::vector<Comparison> out;
    for (std::size_t k = 1; k < f.path.size(); ++k) {
        const double rounding = logp_rounding(f, 0, f.path[k].logp) * static_cast<double>(k);
        const double c = run.step(f.path[k].eta);
        add_rise(f.path[k - 1], f.path[k], c, run, rounding, logp_worth(f, 0), out);
        add_closed_form(f.path[k], run, rounding, logp_worth(f, 0), out);
    }
    return out;
}

/// Rise or fall of the chosen token after one update, by the sign of the first-order change; where
/// that is positive but the step too large for it to decide, how far the change falls short of it.
void add_displacement(const ProbabilityRecord& r, double change, double first,
                      const Shortfall& missed, double rounding, const Worth& worth,
                      std::vector<Comparison>& out) {
    const auto add = [&](double measured, double bound, Relation relation) {
        out.push_back({1.0, r.eta, {measured, rounding}, bound, relation, worth});
    };
    if (!(first > 0.0)) {
        add(-change, missed.low - first, Relation::kAtLeast);
        add(-change, missed.high - first, Relation::kAtMost);
    } else if (first > missed.high) {
        add(change, first - missed.low, Relation::kAtMost);
        add(change, first - missed.high, Relation::kAtLeast);
    } else {
        add(first - change, missed.low, Relation::kAtLeast);
        add(first - change, missed.high, Relation::kAtMost);
    }
}

std::vector<Comparison> compare_displacement(const Evidence& e) {
    const InfluenceFacts& f = e.get<InfluenceFacts>();
    const Response response = first_order_response(f);
    const Index chosen = f.pairs.chosen[0];
    const double rate = chosen_rate(f);
    std::vector<Comparison> out;
    for (const ProbabilityRecord& r : f.single)
        add_displacement(r, r.logp(0, chosen) - response.log_pi(0, chosen), r.eta * rate,
                         shortfall(response.variance(0), response.range(0), r.eta),
                         logp_rounding(f, 0, r.logp), logp_worth(f, 0), out);
    return out;
}

}  // namespace

Claim one_context_never_falls() {
    return {"T12b",
            "one context: chosen never falls",
            "DPO, one context g, one pair of tokens, W(0) any, eta any: each update adds c_k = eta "
            "beta sigma(-m_k) ||g||^2 to the chosen logit and takes it from the rejected one, so c "
            "(1 - "
            "pi_{k+1}(+) + pi_{k+1}(-)) <= log pi_{k+1}(+) - log pi_k(+) <= c (1 - pi_k(+) + "
            "pi_k(-)), all other tokens shift by one common amount, and m_{k+1} = m_k + 2 beta c_k "
            "gives the whole run",
            "theory.md T12b; the normaliser cancels in one context",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {has_influence(), path_measured(), trained_by(Objective::kDpo), one_context()},
            compare_one_context,
            {.search = ContextSearch{.one_context = true, .path = true}}};
}

Claim displacement_criterion() {
    return {
        "T12c",
        "likelihood displacement",
        "one DPO pair: with D = beta sigma(-m) ( ||g_+||^2 ||e_+ - pi_+||^2 - <g_+, g_-> <e_+ - "
        "pi_+, e_- - pi_-> ) the chosen token's log-probability changes by between eta D - "
        "(eta range)^2 / 8 and eta D: it falls for every eta if D <= 0 and rises for eta < 8 D / "
        "range^2 if D > 0",
        "theory.md T12c; convexity of log-sum-exp",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {has_influence(), one_update_measured(), trained_by(Objective::kDpo), one_example()},
        compare_displacement,
        {.search = ContextSearch{}},
        razin("Theorem 6", "the part of the hidden states, for one-token answers")};
}

}  // namespace prefdyn::theory
