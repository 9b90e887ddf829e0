#include "theory/formula/range.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "sim/base/numerics.hpp"

namespace prefdyn::theory {

using formula::Error;
using formula::Node;
using formula::Op;

namespace {

/// 0 times infinity is 0: the end of a range is never reached.
double times(double a, double b) { return a == 0.0 || b == 0.0 ? 0.0 : a * b; }

}  // namespace

inline Interval operator-(const Interval& a) { return {-a.high, -a.low}; }
inline Interval operator+(const Interval& a, const Interval& b) {
    return {a.low + b.low, a.high + b.high};
}
inline Interval operator-(const Interval& a, const Interval& b) { return a + (-b); }
inline Interval operator*(const Interval& a, const Interval& b) {
    const double ends[] = {times(a.low, b.low), times(a.low, b.high), times(a.high, b.low),
                           times(a.high, b.high)};
    return {*std::min_element(ends, ends + 4), *std::max_element(ends, ends + 4)};
}

namespace {

struct Bounds : Interval {
    Bounds() : Interval{0.0, 0.0} {}
    Bounds(double x) : Interval{x, x} {}        // NOLINT
    Bounds(const Interval& i) : Interval(i) {}  // NOLINT
};

Bounds operator-(const Bounds& a) { return -static_cast<const Interval&>(a); }
Bounds operator+(const Bounds& a, const Bounds& b) {
    return static_cast<const Interval&>(a) + static_cast<const Interval&>(b);
}
Bounds operator-(const Bounds& a, const Bounds& b) { return a + (-b); }
Bounds operator*(const Bounds& a, const Bounds& b) {
    return static_cast<const Interval&>(a) * static_cast<const Interval&>(b);
}

const Interval kAnything = {-kInfinity, kInfinity};

double value_of(Function f, double x) {
    switch (f) {
        case Function::kExp:
            return std::exp(x);
        case Function::kLog:
            return std::log(x);
        case Function::kSqrt:
            return std::sqrt(x);
        case Function::kAbs:
            return std::fabs(x);
        case Function::kSin:
            return std::sin(x);
        case Function::kCos:
            return std::cos(x);
        case Function::kPhi:
            return normal_cdf(x);
        case Function::kSigmoid:
            return sigmoid(x);
        case Function::kSoftplus:
            return softplus(x);
    }
    return kNan;
}

}  // namespace

template <>
struct Arithmetic<Bounds> {
    static Truth less(const Bounds& a, const Bounds& b) {
        return a.high < b.low ? Truth::kYes : a.low < b.high ? Truth::kMaybe : Truth::kNo;
    }
    static Truth at_most(const Bounds& a, const Bounds& b) {
        return a.high <= b.low ? Truth::kYes : a.low <= b.high ? Truth::kMaybe : Truth::kNo;
    }
    static Truth equal(const Bounds& a, const Bounds& b) {
        return a.high < b.low || b.high < a.low ? Truth::kNo : Truth::kMaybe;
    }
    static Bounds apply(Function f, const Bounds& x) {
        if (f == Function::kSin || f == Function::kCos) return Interval{-1.0, 1.0};
        if (f == Function::kAbs)
            return Interval{x.low > 0.0    ? x.low
                            : x.high < 0.0 ? -x.high
                                           : 0.0,
                            std::max(std::fabs(x.low), std::fabs(x.high))};
        const bool positive = f == Function::kLog || f == Function::kSqrt;
        const double low = positive ? std::max(0.0, x.low) : x.low,
                     high = positive ? std::max(0.0, x.high) : x.high;
        return Interval{value_of(f, low), value_of(f, high)};
    }
    static Bounds power(const Bounds& base, const Bounds& exponent) {
        const double e = exponent.low;
        if (e != exponent.high) return base.low >= 0.0 ? Interval{0.0, kInfinity} : kAnything;
        const bool even = std::fmod(e, 2.0) == 0.0;
        if (even && e > 0.0) {
            const Bounds size = apply(Function::kAbs, base);
            return Interval{std::pow(size.low, e), std::pow(size.high, e)};
        }
        if (base.low < 0.0) return kAnything;
        const double a = std::pow(base.low, e), b = std::pow(base.high, e);
        return Interval{std::min(a, b), std::max(a, b)};
    }
    static Bounds quotient(const Bounds& a, const Bounds& b) {
        if (b.low > 0.0 || b.high < 0.0) return a * Bounds(Interval{1.0 / b.high, 1.0 / b.low});
        if (b.low == 0.0)
            return a * Bounds(Interval{b.high == 0.0 ? 0.0 : 1.0 / b.high, kInfinity});
        return kAnything;
    }
    static Bounds lesser(const Bounds& a, const Bounds& b) {
        return Interval{std::min(a.low, b.low), std::min(a.high, b.high)};
    }
    static Bounds larger(const Bounds& a, const Bounds& b) { return -lesser(-a, -b); }
    static bool is_zero(const Bounds&) { return false; }
    static Bounds sum(const Bounds* x, std::size_t) {
        return x[0] * Bounds(Interval{1.0, kInfinity});
    }
    static Bounds quantile(const Bounds* x, std::size_t, double) { return x[0]; }
    static Bounds cover(const Bounds* x, std::size_t, double) { return x[0]; }
    static Bounds share(std::size_t, std::size_t, std::size_t) { return Interval{0.0, 1.0}; }
};

template <>
struct Arithmetic<double> {
    static Truth of(bool truth) { return truth ? Truth::kYes : Truth::kNo; }
    static Truth less(double a, double b) { return of(a < b); }
    static Truth at_most(double a, double b) { return of(a <= b); }
    static Truth equal(double a, double b) { return of(a == b); }
    static double apply(Function f, double x) { return value_of(f, x); }
    static double power(double base, double exponent) { return std::pow(base, exponent); }
    static double quotient(double a, double b) { return a / b; }
    static double lesser(double a, double b) { return std::min(a, b); }
    static double larger(double a, double b) { return std::max(a, b); }
    static bool is_zero(double) { return false; }
    static double sum(const double* x, std::size_t n) {
        double out = 0.0;
        for (std::size_t i = 0; i < n; ++i) out += x[i];
        return out;
    }
    static double quantile(const double* x, std::size_t n, double level) {
        std::vector<double> all(x, x + n);
        std::sort(all.begin(), all.end());
        return all[static_cast<std::size_t>(level * static_cast<double>(n - 1))];
    }
    static double cover(const double* x, std::size_t n, double level) {
        return quantile(x, n, level);
    }
    static double share(std::size_t sure, std::size_t, std::size_t n) {
        return static_cast<double>(sure) / static_cast<double>(n);
    }
};

namespace {

Over over_of(const Quantity& q, const Scene& scene) {
    return scene.about == About::kBehaviours && std::string(q.name) == "D" ? Over::kBehaviours
                                                                           : q.over;
}

class RangeSource final : public Source<Bounds> {
  public:
    explicit RangeSource(Scene scene) : scene_(scene) {}
    std::size_t records() const override { return 1; }
    std::size_t elements(Over) const override { return 1; }
    Values<Bounds> values(const Quantity& q, bool) const override {
        return {q.at_records, over_of(q, scene_), {Interval{q.low, q.high}}};
    }

  private:
    Scene scene_;
};

/// Numbers drawn within their ranges, the same for the same name: few and many samples, close to
/// each other and orders of magnitude apart.
class DrawnSource final : public Source<double> {
  public:
    DrawnSource(Scene scene, std::uint64_t trial) : scene_(scene), trial_(trial) {}
    std::size_t records() const override { return 2; }
    std::size_t elements(Over) const override { return samples(); }
    Values<double> values(const Quantity& q, bool elsewhere) const override {
        if (std::string(q.name) == "norm_dv0") {
            Values<double> out = values(*find_quantity("R0"), false);
            out.x[0] /= std::sqrt(2.0);
            return out;
        }
        Values<double> out{q.at_records, over_of(q, scene_), {}};
        const std::size_t size =
            (q.at_records ? 2 : 1) * (out.over == Over::kNothing ? 1 : samples());
        for (std::size_t k = 0; k < size; ++k) out.x.push_back(draw(q, elsewhere, k));
        return out;
    }

  private:
    std::size_t samples() const {
        static constexpr std::size_t kSamples[] = {3, 8, 31};
        return kSamples[trial_ % 3];
    }
    double width() const {
        static constexpr double kWidths[] = {1.0, 3.0, 8.0};
        return kWidths[trial_ / 3 % 3];
    }
    double draw(const Quantity& q, bool elsewhere, std::size_t at) const {
        std::uint64_t h =
            1469598103934665603ULL ^ (trial_ * 7919 + at * 104729 + (elsewhere ? 1 : 0));
        for (const char* c = q.name; *c != '\0'; ++c)
            h = (h ^ static_cast<unsigned char>(*c)) * 1099511628211ULL;
        h ^= h >> 29;
        h *= 0xbf58476d1ce4e5b9ULL;
        h ^= h >> 32;
        const double u = std::ldexp(static_cast<double>(h >> 11), -53);
        if (std::isfinite(q.low) && std::isfinite(q.high)) return q.low + u * (q.high - q.low);
        if (std::isfinite(q.low)) return q.low + std::exp(width() * (2.0 * u - 1.0));
        if (std::isfinite(q.high)) return q.high - std::exp(width() * (2.0 * u - 1.0));
        return (4.0 * u - 2.0) * width() * width();
    }

    Scene scene_;
    std::uint64_t trial_;
};

/// Both sides of a link at a few drawn values.
struct Drawn {
    std::vector<double> left, right;
};

Drawn drawn(const Link& link, const Scene& scene) {
    Drawn out;
    for (std::uint64_t trial = 1; trial <= 36; ++trial) {
        const DrawnSource source(scene, trial);
        Evaluator<double> evaluator(source);
        const auto a = evaluator.number(*link.left), b = evaluator.number(*link.right);
        const auto left = evaluator.view(a), right = evaluator.view(b);
        for (std::size_t r = 0; r < 2; ++r)
            for (std::size_t e = 0; e < source.elements(Over::kSamples); ++e) {
                const double x = left(r, e), y = right(r, e);
                if (!std::isfinite(x) || !std::isfinite(y)) continue;
                out.left.push_back(x);
                out.right.push_back(y);
            }
    }
    return out;
}

}  // namespace

Interval range_of(const Node& node) {
    const RangeSource source({});
    Evaluator<Bounds> evaluator(source);
    const Bounds out = evaluator.number(node).x.front();
    return {std::isnan(out.low) ? -kInfinity : out.low,
            std::isnan(out.high) ? kInfinity : out.high};
}

void require_breakable(const Node& relation, const Scene& scene) {
    for (const Link& link : links(relation)) {
        const auto [x, y] = drawn(link, scene);
        if (x.empty())
            throw Error(relation.column, "no values of its quantities make both sides numbers");
        bool same = true, parallel = true, moves = false;
        for (std::size_t k = 0; k < x.size(); ++k) {
            same = same && std::fabs(x[k] - y[k]) <= 1e-12 * std::fabs(x[k]) + 1e-300;
            const double moved = x[k] - x[0];
            moves = moves || moved != 0.0;
            parallel = parallel && std::fabs(moved - (y[k] - y[0])) <= 1e-9 * std::fabs(moved);
        }
        const Interval left = range_of(*link.left), right = range_of(*link.right);
        const bool fixed = left.low == left.high && right.low == right.high;
        if (same && (moves || fixed))
            throw Error(relation.column,
                        "the claim can never fail: both sides are the same quantity");
        const bool at_most = link.op == Op::kAtMost;
        const bool never =
            link.op != Op::kEqual &&
            ((parallel && (moves || fixed) && (at_most ? x[0] <= y[0] : x[0] >= y[0])) ||
             (at_most ? left.high <= right.low : left.low >= right.high));
        if (never)
            throw Error(relation.column,
                        "the claim can never fail: " + formula::text_of(*link.left) +
                            (at_most ? " is never above " : " is never below ") +
                            formula::text_of(*link.right));
    }
}

}  // namespace prefdyn::theory
