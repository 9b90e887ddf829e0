#pragma once
// What a line `key = value` of a sweep spec may give a parameter.

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "experiments/program/parameter_table.hpp"
#include "sim/base/formula.hpp"

namespace prefdyn::sweep {

/// One value, or several to make an axis of, as texts the parameter takes.
using ValueList = std::vector<std::string>;

/// Drawn by a random design.
struct ValueRange {
    double low, high;
    bool logarithmic = false;  ///< uniform in log(value)
    bool integer = false;      ///< low and high included
};

/// A formula of other parameters (sim/base/formula.hpp).
struct ValueExpression {
    formula::Node formula;
    /// The parameters it speaks of, each once, in the order of the text.
    std::vector<std::string> keys() const;
};

using Value = std::variant<ValueList, ValueRange, ValueExpression>;

/// Without the blanks at its ends.
std::string trim(const std::string& text);

/// Reads
///   2   |   1, 2, 4   |   3..7   |   linspace(a, b, n)   |   logspace(a, b, n), from a to b
///   uniform(a, b)   |   loguniform(a, b)   |   integers(a, b)
///   0.5 * samples, a formula of numbers, + - * / ^, exp, log, sqrt, abs, min, max and the names of
///     real and integer parameters among `keys`
/// Values of an axis are checked by `parameter`. Throws InputError saying what is wrong, without
/// naming key or place.
Value parse_value(const std::string& text, Parameter& parameter,
                  const std::vector<Parameter>& keys);

/// The value at u in [0, 1): low + u (high - low), in the logarithm if so asked for.
std::string value_at(const ValueRange& range, double u);

/// The expression's value where `value_of` a parameter says its value; rounded to the nearest
/// integer if `integer`. Throws InputError where it is not finite.
using ValueOf = std::function<std::string(const std::string& key)>;
std::string evaluate(const ValueExpression& expression, const ValueOf& value_of, bool integer);

/// Writes it as it is read: two specs with the same text mean the same.
std::string canonical(const Value& value);

}  // namespace prefdyn::sweep
