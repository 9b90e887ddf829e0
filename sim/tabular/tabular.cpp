#include "sim/tabular/tabular.hpp"

#include <boost/random/binomial_distribution.hpp>
#include <cmath>

#include "sim/base/complaints.hpp"
#include "sim/base/numerics.hpp"
#include "sim/base/stream.hpp"

namespace prefdyn {

namespace {

constexpr double kSumTolerance = 1e-12;

template <class Values>
bool is_distribution(const Values& p) {
    return (p.array() >= 0.0).all() && std::fabs(p.sum() - 1.0) <= kSumTolerance;
}

std::string at(const std::string& name, Index prompt) {
    return name + " of prompt " + std::to_string(prompt);
}

void check_shapes(const TabularWorld& w, Complaints& wrong) {
    const Index P = w.prompts(), A = w.responses();
    wrong.unless(P >= 1 && A >= 2, "reward must be (prompts >= 1, responses >= 2)");
    wrong.unless(w.weight.size() == P, "weight needs one entry a prompt");
    wrong.unless(w.reference.rows() == P && w.reference.cols() == A, "reference is not (P, A)");
    for (const auto* stack : {&w.pair, &w.preference}) {
        bool fits = static_cast<Index>(stack->size()) == P;
        for (const Matrix& m : *stack) fits = fits && m.rows() == A && m.cols() == A;
        wrong.unless(fits, "pair and preference need one (A, A) matrix a prompt");
    }
}

bool is_preference(const Matrix& p) {
    for (Index a = 0; a < p.rows(); ++a)
        for (Index b = 0; b < a; ++b)
            if (!(p(a, b) >= 0.0 && p(b, a) >= 0.0 &&
                  std::fabs(p(a, b) + p(b, a) - 1.0) <= kSumTolerance))
                return false;
    return true;
}

void check_prompt(const TabularWorld& w, Index x, Complaints& wrong) {
    const auto k = static_cast<std::size_t>(x);
    wrong.unless(is_distribution(w.reference.row(x)),
                 at("reference", x) + " is no distribution (entries >= 0, sum 1)");
    wrong.unless((w.reference.row(x).array() > 0.0).all() || w.floor > 0.0,
                 at("reference", x) + " has a zero and floor = 0");
    wrong.unless(w.reward.row(x).allFinite(), at("reward", x) + " is not finite");
    wrong.unless(is_distribution(w.pair[k]) && (w.pair[k].diagonal().array() == 0.0).all(),
                 at("pair", x) + " is no distribution over pairs of two different responses");
    wrong.unless(is_preference(w.preference[k]),
                 at("preference", x) + " needs P(a > b) + P(b > a) = 1, both >= 0");
}

std::int64_t binomial(std::int64_t n, double p, Stream& stream) {
    if (n == 0 || !(p > 0.0)) return 0;
    if (p >= 1.0) return n;
    return boost::random::binomial_distribution<std::int64_t, double>(n, p)(stream);
}

}  // namespace

void validate(const TabularWorld& w) {
    const std::string hint = "floor > 0 replaces the zeros of the reference by floor";
    Complaints wrong("; ");
    check_shapes(w, wrong);
    wrong.raise(hint, "tabular world: ");
    wrong.unless(is_distribution(w.weight), "weight is no distribution (entries >= 0, sum 1)");
    wrong.unless(w.floor >= 0.0 && w.floor <= 1.0, "floor must be in [0, 1]");
    for (Index x = 0; x < w.prompts(); ++x) check_prompt(w, x, wrong);
    wrong.raise(hint, "tabular world: ");
}

std::vector<Matrix> pairs_from(const RowMatrix& mu) {
    std::vector<Matrix> out;
    for (Index x = 0; x < mu.rows(); ++x) {
        Matrix p = mu.row(x).transpose() * mu.row(x);
        p.diagonal().setZero();
        out.push_back(p / p.sum());
    }
    return out;
}

std::vector<Matrix> bradley_terry(const RowMatrix& r) {
    std::vector<Matrix> out(static_cast<std::size_t>(r.rows()), Matrix(r.cols(), r.cols()));
    for (Index x = 0; x < r.rows(); ++x)
        for (Index a = 0; a < r.cols(); ++a)
            for (Index b = 0; b < r.cols(); ++b)
                out[static_cast<std::size_t>(x)](a, b) = sigmoid(r(x, a) - r(x, b));
    return out;
}

TabularWorld make_world(Vector weight, RowMatrix reference, RowMatrix reward) {
    auto pair = pairs_from(RowMatrix::Ones(reward.rows(), reward.cols()));
    auto preference = bradley_terry(reward);
    TabularWorld out{std::move(weight), std::move(reference),  std::move(reward),
                     std::move(pair),   std::move(preference), 0.0};
    validate(out);
    return out;
}

RowMatrix log_reference(const TabularWorld& world) {
    return world.reference.cwiseMax(world.floor).array().log();
}

double Comparisons::total() const {
    double sum = 0.0;
    for (const Matrix& m : wins) sum += m.sum();
    return sum;
}

void validate(const Comparisons& data) {
    Complaints wrong("; ");
    const Index A = data.responses();
    wrong.unless(data.prompts() >= 1 && A >= 2, "needs prompts >= 1 and responses >= 2");
    for (std::size_t x = 0; x < data.wins.size(); ++x) {
        const Matrix& m = data.wins[x];
        const std::string here = at("wins", static_cast<Index>(x));
        const bool fits = m.rows() == A && m.cols() == A;
        wrong.unless(fits, here + " are not (A, A)");
        if (!fits) continue;
        wrong.unless(m.allFinite() && (m.array() >= 0.0).all(), here + " must be finite and >= 0");
        wrong.unless((m.diagonal().array() == 0.0).all(), here + " compare a response with itself");
    }
    if (wrong.none()) wrong.unless(data.total() > 0.0, "there is no comparison");
    wrong.raise("draw at least one comparison", "comparisons: ");
}

Comparisons population(const TabularWorld& world) {
    validate(world);
    Comparisons out;
    for (std::size_t x = 0; x < world.pair.size(); ++x) {
        const Matrix either = world.pair[x] + world.pair[x].transpose();
        out.wins.push_back(world.weight(static_cast<Index>(x)) *
                           either.cwiseProduct(world.preference[x]));
        out.wins.back().diagonal().setZero();
    }
    return out;
}

Comparisons draw(const TabularWorld& world, std::int64_t n, std::uint64_t seed, std::uint64_t i) {
    if (n < 1) throw InputError("comparisons: n = " + std::to_string(n) + ", allowed: n >= 1");
    Comparisons out = population(world);
    Stream stream(seed, Purpose::kTabular, i);
    double mass = out.total();
    double* last = nullptr;  // takes what rounding of the remaining mass may leave over
    for (Matrix& m : out.wins)
        for (double& cell : m.reshaped()) {
            const double p = cell;
            const std::int64_t count = binomial(n, p / mass, stream);
            if (p > 0.0) last = &cell;
            cell = static_cast<double>(count);
            n -= count;
            mass -= p;
        }
    if (n > 0) *last += static_cast<double>(n);
    return out;
}

RowMatrix log_softmax(const RowMatrix& theta) {
    RowMatrix out = theta;
    for (Index x = 0; x < theta.rows(); ++x)
        out.row(x).array() -= logsumexp(theta.row(x).data(), theta.cols());
    return out;
}

double divergence(const Vector& weight, const RowMatrix& log_p, const RowMatrix& log_q) {
    double sum = 0.0;
    for (Index x = 0; x < log_p.rows(); ++x)
        for (Index a = 0; a < log_p.cols(); ++a) {
            const double d = log_q(x, a) - log_p(x, a);
            // sum_a (q_a - p_a) = 0 makes every term non-negative and small differences exact.
            if (std::isfinite(log_p(x, a)))
                sum += weight(x) * std::exp(log_p(x, a)) * (std::expm1(d) - d);
            else
                sum += weight(x) * std::exp(log_q(x, a));
        }
    return sum;
}

double log_ratio_gap(const RowMatrix& log_p, const RowMatrix& log_q) {
    double gap = 0.0;
    for (Index k = 0; k < log_p.size(); ++k) {
        const double p = log_p.data()[k], q = log_q.data()[k];
        const double d = p == q ? 0.0 : std::fabs(p - q);
        if (!(d <= gap)) gap = d;  // a NaN stays
        if (std::isnan(gap)) return gap;
    }
    return gap;
}

}  // namespace prefdyn
