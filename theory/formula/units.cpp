#include "theory/formula/units.hpp"

#include <cmath>
#include <optional>

#include "sim/base/numerics.hpp"
#include "theory/formula/evaluate.hpp"
#include "theory/formula/quantity.hpp"

namespace prefdyn::theory {

using formula::Error;
using formula::Node;
using formula::Op;

namespace {

/// Exponent of the features' unit; none: any (the number 0), or already complained of.
class Units {
  public:
    std::vector<Warning> warnings;

    std::optional<double> of(const Node& node) {
        switch (node.op) {
            case Op::kNumber:
                return node.number == 0.0 ? std::optional<double>() : 0.0;
            case Op::kName:
                return find_quantity(node.name)->unit;
            case Op::kNegate:
                return of(node.arguments[0]);
            case Op::kMultiply:
                return product(node, 1.0);
            case Op::kDivide:
                return product(node, -1.0);
            case Op::kPower:
                return power(node);
            case Op::kCall:
                return call(node);
            case Op::kNot:
                of(node.arguments[0]);
                return 0.0;
            default:
                return alike(node);
        }
    }

  private:
    static std::string text(double unit) {
        if (unit == 0.0) return "no unit";
        const std::string power = formula::number_text(std::fabs(unit));
        const std::string size = power == "1" ? "feature" : "feature^" + power;
        return unit > 0.0 ? size : "1/" + size;
    }

    void complain(const Node& node, const std::string& what) {
        warnings.push_back({node.column, "units do not add up: " + what});
    }

    std::optional<double> product(const Node& node, double sign) {
        const auto a = of(node.arguments[0]), b = of(node.arguments[1]);
        return a && b ? std::optional(*a + sign * *b) : std::nullopt;
    }

    std::optional<double> power(const Node& node) {
        const auto base = of(node.arguments[0]);
        of(node.arguments[1]);
        const Node& exponent = node.arguments[1];
        const bool negated = exponent.op == Op::kNegate;
        const Node& size = negated ? exponent.arguments[0] : exponent;
        if (!base || *base == 0.0) return base;
        if (size.op == Op::kNumber) return *base * (negated ? -size.number : size.number);
        complain(node, "a quantity with a unit has an exponent that is not a number");
        return {};
    }

    /// Sums and relations: both sides have one unit.
    std::optional<double> alike(const Node& node) {
        const Node &left = node.arguments[0], &right = node.arguments[1];
        const bool chain = formula::is_relation(node.op) && formula::is_relation(left.op);
        const auto a = chain ? (of(left), of(left.arguments[1])) : of(left), b = of(right);
        if (a && b && std::fabs(*a - *b) > 1e-9) {
            complain(node, formula::text_of(chain ? left.arguments[1] : left) + " has " + text(*a) +
                               ", " + formula::text_of(right) + " has " + text(*b));
            return {};
        }
        if (formula::is_relation(node.op) || node.op == Op::kAnd || node.op == Op::kOr) return 0.0;
        return a ? a : b;
    }

    std::optional<double> call(const Node& node) {
        const auto first = of(node.arguments[0]);
        if (node.name == "share") return 0.0;
        if (node.name == "sqrt") return first ? std::optional(0.5 * *first) : first;
        if (is_unary(node.name) && node.name != "abs") {
            if (first && *first != 0.0)
                complain(node, "the argument of " + node.name + " has " + text(*first));
            return 0.0;
        }
        std::optional<double> out = first;
        if (node.name == "min" || node.name == "max")
            for (std::size_t k = 1; k < node.arguments.size(); ++k) {
                const auto next = of(node.arguments[k]);
                if (out && next && std::fabs(*out - *next) > 1e-9)
                    complain(node, "the arguments of " + node.name + " have " + text(*out) +
                                       " and " + text(*next));
                if (!out) out = next;
            }
        return out;
    }
};

}  // namespace

std::vector<Warning> unit_warnings(const Node& node) {
    Units units;
    units.of(node);
    return units.warnings;
}

}  // namespace prefdyn::theory
