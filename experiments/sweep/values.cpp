#include "experiments/sweep/values.hpp"

#include <algorithm>
#include <boost/algorithm/string.hpp>
#include <cmath>
#include <optional>
#include <set>

#include "sim/base/failure.hpp"

namespace prefdyn::sweep {

namespace {

constexpr Index kMostValues = 10000000;

/// The parts between commas, without the blanks at their ends.
std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> out;
    boost::algorithm::split(out, text, [](char c) { return c == ','; });
    for (std::string& part : out) part = trim(part);
    return out;
}

template <class T>
std::optional<T> number(const std::string& text) {
    T value{};
    if (!parse_number(text, value)) return {};
    if constexpr (std::is_floating_point_v<T>)
        if (!std::isfinite(value)) return {};
    return value;
}

double real_argument(const std::string& text) {
    if (const auto value = number<double>(text)) return *value;
    throw InputError("'" + text + "' is not a number");
}

Index count_argument(const std::string& text, Index least) {
    const auto value = number<Index>(text);
    if (value && *value >= least && *value <= kMostValues) return *value;
    throw InputError("'" + text + "' is not a count from " + std::to_string(least) + " to " +
                     std::to_string(kMostValues));
}

std::string format(double value, bool integer) {
    return integer ? std::to_string(std::llround(value)) : format_real(value);
}

/// NAME(arguments), if the text has that form.
struct Call {
    std::string name;
    std::vector<std::string> arguments;
};

std::optional<Call> parse_call(const std::string& text) {
    const auto open = text.find('(');
    if (open == std::string::npos || text.back() != ')') return {};
    return Call{trim(text.substr(0, open)), split(text.substr(open + 1, text.size() - open - 2))};
}

void require_arguments(const Call& call, std::size_t count) {
    if (call.arguments.size() != count)
        throw InputError(call.name + " takes " + std::to_string(count) + " arguments, not " +
                         std::to_string(call.arguments.size()));
}

/// n values from a to b, evenly or in equal ratios, ends exact.
ValueList spaced(const Call& call, bool integer) {
    require_arguments(call, 3);
    const bool log = call.name == "logspace";
    const double a = real_argument(call.arguments[0]), b = real_argument(call.arguments[1]);
    const Index n = count_argument(call.arguments[2], 2);
    if (log && !(a > 0.0 && b > 0.0)) throw InputError("logspace takes positive ends");
    ValueList out;
    for (Index k = 0; k < n; ++k) {
        const double x = static_cast<double>(k) / static_cast<double>(n - 1);
        const double y = log ? a * std::pow(b / a, x) : a + x * (b - a);
        out.push_back(format(k == 0 ? a : k == n - 1 ? b : y, integer));
    }
    return out;
}

ValueRange range_of(const Call& call, bool integer) {
    require_arguments(call, 2);
    ValueRange out{real_argument(call.arguments[0]), real_argument(call.arguments[1]),
                   call.name == "loguniform", integer || call.name == "integers"};
    if (!(out.low < out.high)) throw InputError(call.name + " takes its lower end first");
    if (out.logarithmic && !(out.low > 0.0)) throw InputError("loguniform takes positive ends");
    if (out.integer && (out.low != std::round(out.low) || out.high != std::round(out.high)))
        throw InputError("the ends of an integer parameter's range are integers");
    return out;
}

/// a..b, both included.
std::optional<ValueList> counted(const std::string& text) {
    const auto at = text.find("..");
    if (at == std::string::npos) return {};
    const auto a = number<Index>(trim(text.substr(0, at))),
               b = number<Index>(trim(text.substr(at + 2)));
    if (!a || !b || *a > *b || *b - *a >= kMostValues)
        throw InputError("'" + text + "' is not a range of integers, as 3..7 is");
    ValueList out;
    for (Index k = *a; k <= *b; ++k) out.push_back(std::to_string(k));
    return out;
}

bool is_numeric(const Parameter& p) {
    return p.type == ParameterType::kReal || p.type == ParameterType::kInteger;
}

bool is_key(const std::string& name, const std::vector<Parameter>& keys) {
    return std::any_of(keys.begin(), keys.end(),
                       [&](const Parameter& p) { return p.name == name && is_numeric(p); });
}

/// Names hold '-', so an operation stands between spaces.
std::optional<ValueExpression> parse_expression(const std::string& text,
                                                const std::vector<Parameter>& keys) {
    if (is_key(text, keys)) return ValueExpression{text, '*', 1.0, true};
    for (const char operation : std::string("+-*/")) {
        const auto at = text.find(std::string(" ") + operation + " ");
        if (at == std::string::npos) continue;
        const std::string left = trim(text.substr(0, at)), right = trim(text.substr(at + 3));
        if (is_key(left, keys) && number<double>(right))
            return ValueExpression{left, operation, *number<double>(right), true};
        if (is_key(right, keys) && number<double>(left))
            return ValueExpression{right, operation, *number<double>(left), false};
        throw InputError("'" + text +
                         "' is no expression; one is as 0.5 * samples: a number, an "
                         "operation and the name of another numeric parameter");
    }
    return {};
}

void require_allowed(const ValueList& values, Parameter& parameter) {
    std::set<std::string> seen;
    for (const std::string& value : values) {
        const std::string wrong = parameter.set(value);
        if (!wrong.empty())
            throw InputError("'" + value + "' " + wrong + ", allowed: " + parameter.range);
        if (!seen.insert(parameter.get()).second)
            throw InputError("has the value " + parameter.get() + " twice");
    }
}

}  // namespace

std::string trim(const std::string& text) {
    return boost::algorithm::trim_copy_if(text, boost::algorithm::is_any_of(" \t\r"));
}

Value parse_value(const std::string& text, Parameter& parameter,
                  const std::vector<Parameter>& keys) {
    const bool integer = parameter.type == ParameterType::kInteger;
    ValueList list;
    if (is_numeric(parameter)) {
        if (const auto call = parse_call(text)) {
            if (call->name == "uniform" || call->name == "loguniform" || call->name == "integers")
                return range_of(*call, integer);
            if (call->name != "linspace" && call->name != "logspace")
                throw InputError("unknown function '" + call->name +
                                 "', known: linspace, logspace, uniform, loguniform, integers");
            list = spaced(*call, integer);
        } else if (auto counts = counted(text)) {
            list = std::move(*counts);
        } else if (const auto expression = parse_expression(text, keys)) {
            return *expression;
        }
    }
    if (list.empty()) list = split(text);
    require_allowed(list, parameter);
    for (std::string& value : list) {
        parameter.set(value);
        value = parameter.get();
    }
    return list;
}

std::string value_at(const ValueRange& r, double u) {
    if (r.integer) {
        // Every integer of the range is as probable, also in the logarithm's sense of its cell.
        const double low = r.low - 0.5, high = r.high + 0.5;
        const double x = r.logarithmic ? low * std::pow(high / low, u) : low + u * (high - low);
        return format(std::clamp(std::round(x), r.low, r.high), true);
    }
    return format(
        r.logarithmic ? r.low * std::pow(r.high / r.low, u) : r.low + u * (r.high - r.low), false);
}

std::string evaluate(const ValueExpression& e, const std::string& value, bool integer) {
    const double key = real_argument(value);
    const double a = e.key_first ? key : e.number, b = e.key_first ? e.number : key;
    const double result = e.operation == '+'   ? a + b
                          : e.operation == '-' ? a - b
                          : e.operation == '*' ? a * b
                                               : a / b;
    if (!std::isfinite(result) || (integer && std::fabs(result) > 1e15))
        throw InputError("the expression has no finite value where " + e.key + " = " + value);
    return format(result, integer);
}

std::string canonical(const Value& value) {
    if (const auto* list = std::get_if<ValueList>(&value)) return joined(*list, ", ");
    if (const auto* r = std::get_if<ValueRange>(&value))
        return std::string(r->logarithmic ? "loguniform("
                           : r->integer   ? "integers("
                                          : "uniform(") +
               format_real(r->low) + ", " + format_real(r->high) + ")";
    const auto& e = std::get<ValueExpression>(value);
    const std::string operation = std::string(" ") + e.operation + " ";
    return e.key_first ? e.key + operation + format_real(e.number)
                       : format_real(e.number) + operation + e.key;
}

}  // namespace prefdyn::sweep
