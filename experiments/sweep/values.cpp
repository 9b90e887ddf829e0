#include "experiments/sweep/values.hpp"

#include <algorithm>
#include <boost/algorithm/string.hpp>
#include <cmath>
#include <optional>
#include <set>

#include "sim/base/failure.hpp"
#include "sim/base/nearest.hpp"

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

const formula::Grammar kExpressions{{"exp", "log", "sqrt", "abs", "min", "max"}, true};

void require_meaning(const formula::Node& node, const std::vector<Parameter>& keys) {
    using formula::Op;
    const bool arithmetic = node.op <= Op::kPower;
    if (!arithmetic) throw formula::Error(node.column, "a comparison where a number is wanted");
    if (node.op == Op::kName) {
        if (is_key(node.name, keys) && node.at.empty()) return;
        std::vector<std::string> known;
        for (const Parameter& p : keys)
            if (is_numeric(p)) known.push_back(p.name);
        const std::string near = nearest(node.name, known);
        throw formula::Error(node.column, "'" + node.name + "' is no numeric parameter",
                             near.empty() ? "" : "did you mean " + near + "?");
    }
    const bool several = node.name == "min" || node.name == "max";
    const std::size_t count = node.arguments.size();
    if (node.op == Op::kCall && (several ? count < 2 : count != 1))
        throw formula::Error(node.column, node.name + (several ? " takes two numbers or more"
                                                               : " takes one number"));
    for (const formula::Node& argument : node.arguments) require_meaning(argument, keys);
}

ValueExpression parse_expression(const std::string& text, const std::vector<Parameter>& keys) {
    try {
        ValueExpression out{formula::parse(text, kExpressions)};
        require_meaning(out.formula, keys);
        return out;
    } catch (const formula::Error& error) {
        throw InputError(std::string(error.what()) + ", in column " +
                             std::to_string(error.column()) + " of the value",
                         error.hint());
    }
}

double value_of_node(const formula::Node& node, const ValueOf& value_of) {
    using formula::Op;
    const auto argument = [&](std::size_t k) { return value_of_node(node.arguments[k], value_of); };
    switch (node.op) {
        case Op::kNumber:
            return node.number;
        case Op::kName:
            return real_argument(value_of(node.name));
        case Op::kNegate:
            return -argument(0);
        case Op::kAdd:
            return argument(0) + argument(1);
        case Op::kSubtract:
            return argument(0) - argument(1);
        case Op::kMultiply:
            return argument(0) * argument(1);
        case Op::kDivide:
            return argument(0) / argument(1);
        case Op::kPower:
            return std::pow(argument(0), argument(1));
        default:
            break;
    }
    double out = argument(0);
    if (node.name == "exp") return std::exp(out);
    if (node.name == "log") return std::log(out);
    if (node.name == "sqrt") return std::sqrt(out);
    if (node.name == "abs") return std::fabs(out);
    for (std::size_t k = 1; k < node.arguments.size(); ++k)
        out = node.name == "min" ? std::min(out, argument(k)) : std::max(out, argument(k));
    return out;
}

/// Numbers and names between commas, as a list is written.
bool is_list(const std::string& text, const std::vector<Parameter>& keys) {
    const std::vector<std::string> parts = split(text);
    const auto is_plain = [&](const std::string& part) {
        return !is_key(part, keys) && part.find_first_of("()+*/^ ") == std::string::npos &&
               (part.empty() || !is_key(part.substr(part[0] == '-' ? 1 : 0), keys));
    };
    return std::all_of(parts.begin(), parts.end(), is_plain);
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
            if (call->name == "linspace" || call->name == "logspace")
                list = spaced(*call, integer);
            else if (formula::is_name(call->name, true) &&
                     std::ranges::count(kExpressions.functions, call->name) == 0)
                throw InputError("unknown function '" + call->name +
                                 "', known: linspace, logspace, uniform, loguniform, integers, and "
                                 "in expressions exp, log, sqrt, abs, min, max");
        } else if (auto counts = counted(text)) {
            list = std::move(*counts);
        }
        if (list.empty() && !is_list(text, keys)) return parse_expression(text, keys);
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

std::vector<std::string> ValueExpression::keys() const {
    std::vector<std::string> out;
    const std::function<void(const formula::Node&)> walk = [&](const formula::Node& node) {
        if (node.op == formula::Op::kName && std::ranges::count(out, node.name) == 0)
            out.push_back(node.name);
        for (const formula::Node& argument : node.arguments) walk(argument);
    };
    walk(formula);
    return out;
}

std::string evaluate(const ValueExpression& e, const ValueOf& value_of, bool integer) {
    const double result = value_of_node(e.formula, value_of);
    if (!std::isfinite(result) || (integer && std::fabs(result) > 1e15)) {
        std::string where;
        for (const std::string& key : e.keys())
            where.append(where.empty() ? "" : ", ").append(key).append(" = ").append(value_of(key));
        throw InputError("the expression has no finite value where " + where);
    }
    return format(result, integer);
}

std::string canonical(const Value& value) {
    if (const auto* list = std::get_if<ValueList>(&value)) return joined(*list, ", ");
    if (const auto* r = std::get_if<ValueRange>(&value))
        return std::string(r->logarithmic ? "loguniform("
                           : r->integer   ? "integers("
                                          : "uniform(") +
               format_real(r->low) + ", " + format_real(r->high) + ")";
    return formula::text_of(std::get<ValueExpression>(value).formula);
}

}  // namespace prefdyn::sweep
