#include "experiments/certify/exact/contexts.hpp"

#include <algorithm>

namespace prefdyn::certify {

namespace {

using theory::InfluenceFacts;
using theory::Relation;
using Comparisons = std::vector<ExactComparison>;

RealVector exact_row(const RowMatrix& m, Index i) {
    RealVector out;
    for (Index j = 0; j < m.cols(); ++j) out.emplace_back(m(i, j));
    return out;
}

std::vector<RealVector> exact_rows(const RowMatrix& m) {
    std::vector<RealVector> out;
    for (Index i = 0; i < m.rows(); ++i) out.push_back(exact_row(m, i));
    return out;
}

/// z - log sum exp(z).
RealVector log_softmax_of(RealVector z) {
    Real sum;
    for (const Real& x : z) sum += exp(x);
    const Real normaliser = log(sum);
    for (Real& x : z) x -= normaliser;
    return z;
}

RealVector log_pi(const std::vector<RealVector>& head, const RealVector& context) {
    RealVector z;
    for (const RealVector& row : head) z.push_back(inner(row, context));
    return log_softmax_of(std::move(z));
}

/// e_y - pi.
RealVector pull(const RealVector& log_pi_of, Index token) {
    RealVector out;
    for (const Real& x : log_pi_of) out.push_back(-exp(x));
    out[place(token)] += Real(1.0);
    return out;
}

Real sigmoid_of(const Real& x) { return Real(1.0) / (Real(1.0) + exp(-x)); }

/// One update's data in exact numbers.
struct Pairs {
    const InfluenceFacts& f;
    std::vector<RealVector> plus, minus, reference;

    explicit Pairs(const InfluenceFacts& facts)
        : f(facts),
          plus(exact_rows(facts.pairs.plus)),
          minus(exact_rows(facts.pairs.minus)),
          reference(exact_rows(facts.reference)) {}

    Real margin(const std::vector<RealVector>& head, std::size_t i) const {
        const auto yes = place(f.pairs.chosen[i]), no = place(f.pairs.rejected[i]);
        return Real(f.beta) * ((log_pi(head, plus[i])[yes] - log_pi(reference, plus[i])[yes]) -
                               (log_pi(head, minus[i])[no] - log_pi(reference, minus[i])[no]));
    }

    /// 1 / n, or beta sigma(-m_i) / n for DPO.
    Real weight(const std::vector<RealVector>& head, std::size_t i) const {
        const Real n = static_cast<double>(f.pairs.samples());
        if (f.objective != Objective::kDpo) return Real(1.0) / n;
        return Real(f.beta) * sigmoid_of(-margin(head, i)) / n;
    }

    bool pulls() const { return f.objective != Objective::kUnlikelihood; }
    bool pushes() const { return f.objective != Objective::kSft; }
};

/// -dL/dW.
std::vector<RealVector> descent_of(const Pairs& p, const std::vector<RealVector>& head) {
    std::vector<RealVector> out(head.size(), RealVector(head.front().size()));
    const auto add = [&](const RealVector& context, Index token, const Real& weight) {
        const RealVector towards = pull(log_pi(head, context), token);
        for (std::size_t v = 0; v < out.size(); ++v) {
            const Real factor = weight * towards[v];
            for (std::size_t j = 0; j < context.size(); ++j)
                add_product(out[v][j], factor, context[j]);
        }
    };
    for (std::size_t i = 0; i < p.plus.size(); ++i) {
        const Real weight = p.weight(head, i);
        if (p.pulls()) add(p.plus[i], p.f.pairs.chosen[i], weight);
        if (p.pushes()) add(p.minus[i], p.f.pairs.rejected[i], -weight);
    }
    return out;
}

void move(std::vector<RealVector>& head, const Real& eta, const std::vector<RealVector>& by) {
    for (std::size_t v = 0; v < head.size(); ++v)
        for (std::size_t j = 0; j < head[v].size(); ++j) add_product(head[v][j], eta, by[v][j]);
}

LogPolicy policy(const std::vector<RealVector>& head, const std::vector<RealVector>& contexts) {
    LogPolicy out;
    for (const RealVector& g : contexts) out.push_back(log_pi(head, g));
    return out;
}

}  // namespace

ExactContexts::ExactContexts(const InfluenceFacts& facts, const InfluenceFacts& trained,
                             double eta_factor)
    : told(facts) {
    const Pairs pairs(trained);
    const auto contexts = exact_rows(told.contexts);
    const auto start = exact_rows(told.head);
    const auto direction = descent_of(pairs, start);
    const auto size = [&](double eta) { return Real(eta_factor) * Real(eta); };
    for (const auto& record : told.single) {
        auto head = start;
        move(head, size(record.eta), direction);
        single.push_back(policy(head, contexts));
    }
    auto head = start;
    for (std::size_t k = 0; k < told.path.size(); ++k) {
        if (k > 0) move(head, size(told.path[k].eta), descent_of(pairs, head));
        path.push_back(policy(head, contexts));
    }
}

namespace {

/// What the first order says, from what is told alone.
struct FirstOrder {
    LogPolicy log_pi_of, logp;  ///< log pi before, and d log pi / d eta (m of V)
    RealVector range, variance;

    explicit FirstOrder(const InfluenceFacts& f) {
        const Pairs p(f);
        const auto head = exact_rows(f.head);
        const auto direction = descent_of(p, head);
        for (const RealVector& g : exact_rows(f.contexts)) {
            log_pi_of.push_back(log_pi(head, g));
            RealVector dz;
            for (const RealVector& row : direction) dz.push_back(inner(row, g));
            Real mean, low = dz[0], high = dz[0];
            for (std::size_t v = 0; v < dz.size(); ++v) {
                add_product(mean, exp(log_pi_of.back()[v]), dz[v]);
                low = min(low, dz[v]);
                high = max(high, dz[v]);
            }
            Real second;
            for (std::size_t v = 0; v < dz.size(); ++v) {
                dz[v] -= mean;
                add_product(second, exp(log_pi_of.back()[v]), square(dz[v]));
            }
            range.push_back(high - low);
            variance.push_back(second);
            logp.push_back(std::move(dz));
        }
    }
};

struct Between {
    Real low, high;
};

Between shortfall_of(const Real& variance, const Real& range, const Real& eta) {
    if (variance.is_zero() || range.is_zero()) return {};
    // A range that is zero in truth is never told from zero: what is left is the bound that needs
    // no division.
    if (!range.is_positive()) return {Real(0.0), square(range * eta) / Real(8.0)};
    const Real x = range * eta, scale = variance / square(range);
    return {scale * (expm1(-x) + x), min(scale * (expm1(x) - x), square(x) / Real(8.0))};
}

/// Of changes of log pi_o: the size of log pi_o itself, at least 1.
Real size_of(const RealVector& log_pi_of) {
    Real out = 1.0;
    for (const Real& x : log_pi_of) out = max(out, abs(x));
    return out;
}

Comparisons beyond_first_order(const ExactContexts& e) {
    const FirstOrder first(e.told);
    Comparisons out;
    for (std::size_t o = 0; o < first.logp.size(); ++o) {
        const Real scale = size_of(first.log_pi_of[o]);
        for (std::size_t r = 0; r < e.single.size(); ++r) {
            const Real eta = e.told.single[r].eta;
            Real least, most;
            for (std::size_t v = 0; v < first.logp[o].size(); ++v) {
                const Real gap =
                    eta * first.logp[o][v] - (e.single[r][o][v] - first.log_pi_of[o][v]);
                least = v == 0 ? gap : min(least, gap);
                most = v == 0 ? gap : max(most, gap);
            }
            const Between bound = shortfall_of(first.variance[o], first.range[o], eta);
            out.push_back({1, least, bound.low, Relation::kAtLeast, scale});
            out.push_back({1, most, bound.high, Relation::kAtMost, scale});
        }
    }
    return out;
}

/// T12b: the whole run from m_{k+1} = m_k + 2 beta c_k.
class OneContext {
  public:
    explicit OneContext(const InfluenceFacts& f)
        : chosen(place(f.pairs.chosen[0])), rejected(place(f.pairs.rejected[0])), beta_(f.beta) {
        const Pairs p(f);
        start = log_pi(exact_rows(f.head), p.plus[0]);
        margin_ = p.margin(exact_rows(f.head), 0);
        square_ = inner(p.plus[0], p.plus[0]);
    }

    Real step(const Real& eta) {
        const Real c = eta * beta_ * sigmoid_of(-margin_) * square_;
        margin_ += Real(2.0) * beta_ * c;
        shift_ += c;
        return c;
    }
    RealVector now() const {
        RealVector z = start;
        z[chosen] += shift_;
        z[rejected] -= shift_;
        return log_softmax_of(std::move(z));
    }

    RealVector start;
    std::size_t chosen, rejected;

  private:
    Real beta_, square_, margin_, shift_;
};

/// 1 - pi(+) + pi(-).
Real rise_rate(const RealVector& log_pi_of, const OneContext& run) {
    return Real(1.0) - exp(log_pi_of[run.chosen]) + exp(log_pi_of[run.rejected]);
}

void add_closed_form(Index step, const RealVector& logp, const OneContext& run, const Real& scale,
                     Comparisons& out) {
    const RealVector now = run.now();
    const auto equal = [&](const Real& a, const Real& b) {
        out.push_back({step, a, b, Relation::kEqual, scale});
    };
    const auto got = [&](std::size_t v) { return logp[v] - run.start[v]; };
    const auto want = [&](std::size_t v) { return now[v] - run.start[v]; };
    equal(got(run.chosen), want(run.chosen));
    equal(got(run.rejected), want(run.rejected));
    if (logp.size() == 2) return;
    std::size_t third = 0;
    while (third == run.chosen || third == run.rejected) ++third;
    Real least, most;
    for (std::size_t v = 0; v < logp.size(); ++v) {
        if (v == run.chosen || v == run.rejected) continue;
        least = min(least, got(v) - want(third));
        most = max(most, got(v) - want(third));
    }
    equal(want(third) + least, want(third));
    equal(want(third) + most, want(third));
}

Comparisons one_context(const ExactContexts& e) {
    OneContext run(e.told);
    const Real scale = size_of(run.start);
    Comparisons out;
    for (std::size_t k = 1; k < e.path.size(); ++k) {
        const RealVector &before = e.path[k - 1][0], &after = e.path[k][0];
        const auto step = static_cast<Index>(e.told.path[k].step);
        const Real c = run.step(e.told.path[k].eta);
        const Real rise = after[run.chosen] - before[run.chosen];
        out.push_back({step, rise, c * rise_rate(after, run), Relation::kAtLeast, scale});
        out.push_back({step, rise, c * rise_rate(before, run), Relation::kAtMost, scale});
        add_closed_form(step, after, run, scale, out);
    }
    return out;
}

/// By the sign of the first-order change; where that is positive but the step too large for it to
/// decide, how far the change falls short of it. `fall_limited`: a fall is bounded on both sides.
void add_change(Index step, const Real& change, const Real& first, const Between& missed,
                const Real& scale, bool fall_limited, Comparisons& out) {
    const auto add = [&](const Real& measured, const Real& bound, Relation relation) {
        out.push_back({step, measured, bound, relation, scale});
    };
    if (!first.is_positive()) {
        add(-change, missed.low - first, Relation::kAtLeast);
        if (fall_limited) add(-change, missed.high - first, Relation::kAtMost);
    } else if ((first - missed.high).is_positive()) {
        add(change, first - missed.low, Relation::kAtMost);
        add(change, first - missed.high, Relation::kAtLeast);
    } else {
        add(first - change, missed.low, Relation::kAtLeast);
        add(first - change, missed.high, Relation::kAtMost);
    }
}

Comparisons displacement(const ExactContexts& e) {
    const InfluenceFacts& f = e.told;
    const FirstOrder first(f);
    const Pairs p(f);
    const auto head = exact_rows(f.head);
    const auto chosen = place(f.pairs.chosen[0]);
    const RealVector up = pull(log_pi(head, p.plus[0]), f.pairs.chosen[0]);
    const RealVector down = pull(log_pi(head, p.minus[0]), f.pairs.rejected[0]);
    const Real rate = p.weight(head, 0) * (inner(p.plus[0], p.plus[0]) * inner(up, up) -
                                           inner(p.plus[0], p.minus[0]) * inner(up, down));
    Comparisons out;
    for (std::size_t r = 0; r < e.single.size(); ++r) {
        const Real eta = f.single[r].eta;
        add_change(1, e.single[r][0][chosen] - first.log_pi_of[0][chosen], eta * rate,
                   shortfall_of(first.variance[0], first.range[0], eta),
                   size_of(first.log_pi_of[0]), true, out);
    }
    return out;
}

/// T12d of one update: c = eta ||g_-||^2.
struct Squeezed {
    Real c;
    std::size_t rejected, peak;
    const RealVector &before, &after;
    RealVector pi;
    Index step;

    Squeezed(const ExactContexts& e, std::size_t k)
        : rejected(place(e.told.pairs.rejected[0])),
          before(e.path[k - 1][1]),
          after(e.path[k][1]),
          step(static_cast<Index>(e.told.path[k].step)) {
        const RealVector g = exact_row(e.told.pairs.minus, 0);
        c = Real(e.told.path[k].eta) * inner(g, g);
        for (const Real& x : before) pi.push_back(exp(x));
        peak = rejected == 0 ? 1 : 0;
        for (std::size_t v = 0; v < pi.size(); ++v)
            if (v != rejected && pi[v].value() > pi[peak].value()) peak = v;
    }
    Real change(std::size_t v) const { return after[v] - before[v]; }
};

/// What the first order misses: range and variance those of pi - e_-.
Between missed_of(const Squeezed& s) {
    RealVector dz = s.pi;
    dz[s.rejected] -= Real(1.0);
    const Real mean = inner(s.pi, dz);
    Real variance;
    for (std::size_t v = 0; v < dz.size(); ++v)
        add_product(variance, s.pi[v], square(dz[v] - mean));
    return shortfall_of(variance, s.pi[s.peak] + Real(1.0) - s.pi[s.rejected], s.c);
}

Comparisons squeezing(const ExactContexts& e) {
    Comparisons out;
    const Real scale = size_of(log_pi(exact_rows(e.told.head), exact_row(e.told.contexts, 1)));
    for (std::size_t k = 1; k < e.path.size(); ++k) {
        const Squeezed s(e, k);
        const auto add = [&](const Real& measured, const Real& bound, Relation relation) {
            out.push_back({s.step, measured, bound, relation, scale});
        };
        const Real minus = s.pi[s.rejected], rest = Real(1.0) - minus;
        Real fall = square(rest);
        for (std::size_t v = 0; v < s.pi.size(); ++v)
            if (v != s.rejected) fall += square(s.pi[v]);
        add(-s.change(s.rejected), s.c * fall, Relation::kAtLeast);
        add(s.change(s.peak), -log1p(minus * expm1(-(s.c * (rest + s.pi[s.peak])))),
            Relation::kAtLeast);
        const Between missed = missed_of(s);
        for (std::size_t v = 0; v < s.pi.size(); ++v) {
            if (v == s.rejected) continue;
            if (v != s.peak)
                add(s.change(v) - s.change(s.peak), s.c * (s.pi[v] - s.pi[s.peak]),
                    Relation::kEqual);
            add_change(s.step, s.change(v), s.c * (s.pi[v] + minus - inner(s.pi, s.pi)), missed,
                       scale, false, out);
        }
    }
    return out;
}

}  // namespace

ContextClaim context_claim(const std::string& id) {
    if (id == "T12b") return one_context;
    if (id == "T12c") return displacement;
    if (id == "T12d") return squeezing;
    if (id == "T12e") return beyond_first_order;
    return nullptr;
}

}  // namespace prefdyn::certify
