#include "experiments/program/parameter_table.hpp"

#include <algorithm>
#include <boost/algorithm/string/replace.hpp>
#include <cmath>

#include "sim/base/nearest.hpp"

namespace prefdyn {

namespace {

std::string shown_range(const std::string& low, const std::string& high, bool low_open) {
    std::string text = low_open ? "(" : "[";
    text.append(low).append(", ").append(high).append("]");
    return text;
}

/// An integer, also as 1e3 or 2.5e6; false if it is none.
template <class T>
bool parse_whole(const std::string& text, T& value) {
    if (parse_number(text, value)) return true;
    constexpr double kExact = 9007199254740992.0;  // 2^53
    double real = 0.0;
    if (!parse_number(text, real) || !(std::abs(real) <= kExact) || real != std::floor(real))
        return false;
    value = static_cast<T>(real);
    return true;
}

}  // namespace

bool parse_real(const std::string& text, double& value) {
    const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
    return first != std::string::npos &&
           parse_number(text.substr(first, last - first + 1), value) && std::isfinite(value);
}

std::string joined(const std::vector<std::string>& texts, const std::string& between) {
    std::string out;
    for (const std::string& text : texts)
        out.append(&text == &texts[0] ? "" : between).append(text);
    return out;
}

std::string format_real(double value) {
    char buffer[32];
    const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
    return std::string(buffer, result.ptr);
}

void ParameterTable::add(const std::string& name, const std::string& unit, const std::string& help,
                         ParameterType type, const std::string& range,
                         std::function<std::string(const std::string&)> set,
                         std::function<std::string()> get) {
    parameters_.push_back({.name = name,
                           .unit = unit,
                           .help = help,
                           .type = type,
                           .range = range,
                           .default_text = get(),
                           .identity = identity_,
                           .set = std::move(set),
                           .get = std::move(get)});
}

void ParameterTable::check(std::function<std::string(const std::string&)> problem) {
    Parameter& last = parameters_.back();
    last.set = [set = last.set, problem = std::move(problem)](const std::string& text) {
        const std::string wrong = problem(text);
        return wrong.empty() ? set(text) : wrong;
    };
}

void ParameterTable::spelling(const std::string& other, const std::string& value) {
    Parameter& last = parameters_.back();
    last.set = [set = last.set, other, value](const std::string& text) {
        return set(text == other ? value : text);
    };
}

bool ParameterTable::given(const std::string& name) const {
    return std::ranges::any_of(
        parameters_, [&](const Parameter& p) { return p.name == name && p.origin != "default"; });
}

std::string ParameterTable::given_of(const std::vector<std::string>& names) const {
    std::vector<std::string> out;
    for (const Parameter& p : parameters_)
        if (given(p.name) && p.get() != p.default_text && std::ranges::count(names, p.name) > 0)
            out.push_back("--" + p.name);
    return joined(out, ", ");
}

Parameter* ParameterTable::find(const std::string& name) {
    const auto found = std::ranges::find(parameters_, name, &Parameter::name);
    return found == parameters_.end() ? nullptr : &*found;
}

void ParameterTable::real(const std::string& name, double* target, double low, double high,
                          bool low_open, const std::string& unit, const std::string& help) {
    add(
        name, unit, help, ParameterType::kReal,
        shown_range(format_real(low), format_real(high), low_open),
        [=](const std::string& text) -> std::string {
            double value = 0.0;
            if (!parse_number(text, value) || std::isnan(value)) return "is not a number";
            if (std::isinf(value) || value < low || value > high || (low_open && value == low))
                return "is out of range";
            if (std::fpclassify(value) == FP_SUBNORMAL)
                return "is below the smallest normal number, 2.3e-308";
            *target = value;
            return {};
        },
        [=] { return format_real(*target); });
}

void ParameterTable::integer(const std::string& name, Index* target, Index low, Index high,
                             const std::string& unit, const std::string& help) {
    add(
        name, unit, help, ParameterType::kInteger,
        shown_range(std::to_string(low), std::to_string(high), false),
        [=](const std::string& text) -> std::string {
            Index value = 0;
            if (!parse_whole(text, value)) return "is not an integer";
            if (value < low || value > high) return "is out of range";
            *target = value;
            return {};
        },
        [=] { return std::to_string(*target); });
}

void ParameterTable::seed(const std::string& name, std::uint64_t* target, const std::string& help) {
    add(
        name, "", help, ParameterType::kInteger, "[0, 2^63 - 1]",
        [=](const std::string& text) -> std::string {
            std::int64_t value = 0;
            if (!parse_whole(text, value) || value < 0) return "is not an integer in range";
            *target = static_cast<std::uint64_t>(value);
            return {};
        },
        [=] { return std::to_string(*target); });
}

void ParameterTable::text(const std::string& name, std::string* target, const std::string& help,
                          bool required) {
    add(
        name, "", help, ParameterType::kText, "text",
        [=](const std::string& value) -> std::string {
            *target = value;
            return {};
        },
        [=] { return *target; });
    parameters_.back().required = required;
}

void ParameterTable::texts(const std::string& name, std::vector<std::string>* target,
                           const std::string& help, bool required) {
    add(
        name, "", help, ParameterType::kTexts, "texts",
        [=](const std::string& value) -> std::string {
            target->push_back(value);
            return {};
        },
        [=] { return joined(*target, " "); });
    parameters_.back().required = required;
}

void ParameterTable::flag(const std::string& name, bool* target, const std::string& help) {
    add(
        name, "", help, ParameterType::kFlag, "true | false",
        [=](const std::string& value) -> std::string {
            if (value != "true" && value != "false") return "is neither true nor false";
            *target = value == "true";
            return {};
        },
        [=] { return *target ? "true" : "false"; });
}

void ParameterTable::choice_by_index(const std::string& name, const std::vector<std::string>& names,
                                     const std::string& help, std::function<void(std::size_t)> set,
                                     std::function<std::size_t()> get) {
    add(
        name, "", help, ParameterType::kChoice, joined(names, " | "),
        [=](const std::string& text) -> std::string {
            const auto found = std::find(names.begin(), names.end(), text);
            if (found == names.end()) {
                const std::string near = nearest(text, names);
                return near.empty() ? "is unknown" : "is unknown, did you mean '" + near + "'?";
            }
            set(static_cast<std::size_t>(found - names.begin()));
            return {};
        },
        [=] { return names[get()]; });
    parameters_.back().choices = names;
}

std::string markdown_cell(const std::string& text) {
    return boost::algorithm::replace_all_copy(text, "|", "\\|");
}

std::string ParameterTable::values() const {
    std::string text;
    for (const Parameter& p : parameters_)
        text += p.name + " = " + p.get() + "  # " + p.origin + "\n";
    return text;
}

std::string ParameterTable::canonical() const {
    std::string out;
    for (const Parameter& p : parameters_) {
        const std::string text = !p.identity ? "" : p.contents ? p.contents() : p.get();
        if (p.identity && !(p.contents && text.empty()))
            out.append(p.name).append("=").append(text).append("\n");
    }
    return out;
}

}  // namespace prefdyn
