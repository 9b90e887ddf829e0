#pragma once
// Formulas evaluated in any arithmetic: double, intervals, balls, or the exact numbers of a
// certificate. A value is computed for all records and all elements at once.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/formula.hpp"
#include "theory/formula/quantity.hpp"

namespace prefdyn::theory {

enum class Truth : std::uint8_t { kNo, kMaybe, kYes };

/// One value, or one for each record, or for each element (sample, behaviour), or both: [record]
/// [element].
template <class N>
struct Values {
    bool records = false;
    Over over = Over::kNothing;
    std::vector<N> x;
};

/// Functions of one number.
enum class Function { kExp, kLog, kSqrt, kAbs, kSin, kCos, kPhi, kSigmoid, kSoftplus };

/// What an arithmetic brings beside + - * and a constructor from double:
///   Truth less(a, b), at_most(a, b), equal(a, b)
///   N apply(Function, x), power(base, exponent), lesser(a, b), larger(a, b), quotient(a, b)
///   bool is_zero(x): exactly
///   N sum(x, n), quantile(x, n, level) (type 7), cover(x, n, level): the least of the numbers that
///     a share `level` of them do not exceed
///   N share(sure, possible, n): of n things, between `sure` and `possible` of them
template <class N>
struct Arithmetic;

/// Where the numbers of one case come from.
template <class N>
class Source {
  public:
    virtual ~Source() = default;
    virtual std::size_t records() const = 0;
    virtual std::size_t elements(Over over) const = 0;
    /// Shaped as the quantity is. `elsewhere`: at the other record, or of the other behaviour.
    virtual Values<N> values(const Quantity& quantity, bool elsewhere) const = 0;
};

/// `left relation right` of a chain a <= b <= c.
struct Link {
    formula::Op op;
    const formula::Node *left, *right;
};
inline std::vector<Link> links(const formula::Node& node) {
    if (!formula::is_relation(node.op)) return {};
    const formula::Node& left = node.arguments[0];
    std::vector<Link> out = links(left);
    out.push_back({node.op, out.empty() ? &left : out.back().right, &node.arguments[1]});
    return out;
}

/// Every function of the language: those of one number, and over samples mean, sum, share, min,
/// max, quantile and cover; min and max of several numbers.
const std::vector<std::string>& function_names();
/// Throws std::logic_error for another name.
Function function_of(const std::string& name);
bool is_unary(const std::string& name);
/// Takes samples and gives a number: mean, sum, share, quantile, cover; min and max of one
/// argument.
bool is_reduction(const formula::Node& call);

template <class N>
class Evaluator {
  public:
    explicit Evaluator(const Source<N>& source) : source_(source) {}

    Values<N> number(const formula::Node& node) {
        using formula::Op;
        switch (node.op) {
            case Op::kNumber:
                return {false, Over::kNothing, {N(node.number)}};
            case Op::kName:
                return source_.values(*find_quantity(node.name), !node.at.empty());
            case Op::kNegate:
                return each(number(node.arguments[0]), [](const N& a) { return -a; });
            case Op::kAdd:
                return both(node, [](const N& a, const N& b) { return a + b; });
            case Op::kSubtract:
                return both(node, [](const N& a, const N& b) { return a - b; });
            case Op::kMultiply:
                return both(node, [](const N& a, const N& b) { return a * b; });
            case Op::kDivide:
                return both(node, [&](const N& a, const N& b) {
                    if (A::is_zero(b) && !zero_divisor_) zero_divisor_ = &node;
                    return A::quotient(a, b);
                });
            case Op::kPower:
                return both(node, [](const N& a, const N& b) { return A::power(a, b); });
            case Op::kCall:
                return is_reduction(node) ? reduced(node) : called(node);
            default:
                throw std::logic_error("a truth where a number was expected");
        }
    }

    Values<Truth> truth(const formula::Node& node) {
        using formula::Op;
        const auto negated = [](Truth a) {
            return static_cast<Truth>(2 - static_cast<std::uint8_t>(a));
        };
        switch (node.op) {
            case Op::kNot:
                return each(truth(node.arguments[0]), negated);
            case Op::kAnd:
                return zip(truth(node.arguments[0]), truth(node.arguments[1]),
                           [](Truth a, Truth b) { return std::min(a, b); });
            case Op::kOr:
                return zip(truth(node.arguments[0]), truth(node.arguments[1]),
                           [](Truth a, Truth b) { return std::max(a, b); });
            default:
                break;
        }
        Values<Truth> out{false, Over::kNothing, {Truth::kYes}};
        for (const Link& link : links(node))
            out = zip(out, related(link), [](Truth a, Truth b) { return std::min(a, b); });
        return out;
    }

    /// Where a value was divided by zero first; null if nowhere.
    const formula::Node* zero_divisor() const { return zero_divisor_; }

    /// Values by record and element; those that do not vary are there for every one.
    template <class V>
    struct View {
        const V* x;
        std::size_t by_record, by_element;
        const V& operator()(std::size_t record, std::size_t element) const {
            return x[record * by_record + element * by_element];
        }
    };
    template <class V>
    View<V> view(const Values<V>& v) const {
        const bool one = v.over == Over::kNothing;
        return {v.x.data(), !v.records ? 0 : one ? 1 : source_.elements(v.over), one ? 0U : 1U};
    }

  private:
    using A = Arithmetic<N>;

    template <class V, class F>
    static auto each(const Values<V>& a, F f) {
        Values<decltype(f(a.x[0]))> out{a.records, a.over, {}};
        out.x.reserve(a.x.size());
        for (const V& x : a.x) out.x.push_back(f(x));
        return out;
    }

    template <class V, class F>
    auto zip(const Values<V>& a, const Values<V>& b, F f) const {
        Values<decltype(f(a.x[0], b.x[0]))> out{
            a.records || b.records, a.over != Over::kNothing ? a.over : b.over, {}};
        const std::size_t rows = out.records ? source_.records() : 1;
        const std::size_t size = out.over == Over::kNothing ? 1 : source_.elements(out.over);
        const View<V> x = view(a), y = view(b);
        out.x.resize(rows * size);
        auto to = out.x.begin();
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t e = 0; e < size; ++e) *to++ = f(x(r, e), y(r, e));
        return out;
    }

    template <class F>
    Values<N> both(const formula::Node& node, F f) {
        return zip(number(node.arguments[0]), number(node.arguments[1]), f);
    }

    Values<Truth> related(const Link& link) {
        using formula::Op;
        const Values<N> a = number(*link.left), b = number(*link.right);
        switch (link.op) {
            case Op::kLess:
                return zip(a, b, [](const N& x, const N& y) { return A::less(x, y); });
            case Op::kGreater:
                return zip(a, b, [](const N& x, const N& y) { return A::less(y, x); });
            case Op::kAtMost:
                return zip(a, b, [](const N& x, const N& y) { return A::at_most(x, y); });
            case Op::kAtLeast:
                return zip(a, b, [](const N& x, const N& y) { return A::at_most(y, x); });
            default:
                return zip(a, b, [](const N& x, const N& y) { return A::equal(x, y); });
        }
    }

    Values<N> called(const formula::Node& node) {
        if (is_unary(node.name))
            return each(number(node.arguments[0]),
                        [f = function_of(node.name)](const N& x) { return A::apply(f, x); });
        Values<N> out = number(node.arguments[0]);
        for (std::size_t k = 1; k < node.arguments.size(); ++k)
            out = zip(out, number(node.arguments[k]), [&](const N& x, const N& y) {
                return node.name == "min" ? A::lesser(x, y) : A::larger(x, y);
            });
        return out;
    }

    /// f of the elements at each record.
    template <class V, class F>
    Values<N> over_elements(const Values<V>& v, F f) const {
        Values<N> out{v.records, Over::kNothing, {}};
        const std::size_t size = source_.elements(v.over);
        for (std::size_t at = 0; at < v.x.size(); at += size) out.x.push_back(f(&v.x[at], size));
        return out;
    }

    Values<N> reduced(const formula::Node& node) {
        if (node.name == "share")
            return over_elements(truth(node.arguments[0]), [](const Truth* x, std::size_t n) {
                std::size_t sure = 0, possible = 0;
                for (std::size_t i = 0; i < n; ++i) {
                    sure += x[i] == Truth::kYes ? 1 : 0;
                    possible += x[i] != Truth::kNo ? 1 : 0;
                }
                return A::share(sure, possible, n);
            });
        const Values<N> v = number(node.arguments[0]);
        if (node.name == "sum")
            return over_elements(v, [](const N* x, std::size_t n) { return A::sum(x, n); });
        if (node.name == "mean")
            return over_elements(v, [](const N* x, std::size_t n) {
                return A::quotient(A::sum(x, n), N(static_cast<double>(n)));
            });
        if (node.name == "quantile")
            return over_elements(v, [level = node.arguments[1].number](const N* x, std::size_t n) {
                return A::quantile(x, n, level);
            });
        if (node.name == "cover")
            return over_elements(v, [level = node.arguments[1].number](const N* x, std::size_t n) {
                return A::cover(x, n, level);
            });
        return over_elements(v, [&](const N* x, std::size_t n) {
            N out = x[0];
            for (std::size_t i = 1; i < n; ++i)
                out = node.name == "min" ? A::lesser(out, x[i]) : A::larger(out, x[i]);
            return out;
        });
    }

    const Source<N>& source_;
    const formula::Node* zero_divisor_ = nullptr;
};

}  // namespace prefdyn::theory
