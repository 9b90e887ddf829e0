#include "theory/formula/evaluate.hpp"

#include <algorithm>

namespace prefdyn::theory {

namespace {

struct Named {
    const char* name;
    Function function;
};

constexpr Named kUnary[] = {
    {"exp", Function::kExp}, {"log", Function::kLog},         {"sqrt", Function::kSqrt},
    {"abs", Function::kAbs}, {"sin", Function::kSin},         {"cos", Function::kCos},
    {"Phi", Function::kPhi}, {"sigmoid", Function::kSigmoid}, {"softplus", Function::kSoftplus},
};

}  // namespace

const std::vector<std::string>& function_names() {
    static const auto all = [] {
        std::vector<std::string> out;
        for (const Named& f : kUnary) out.emplace_back(f.name);
        for (const char* name : {"min", "max", "mean", "sum", "share", "quantile", "cover"})
            out.emplace_back(name);
        return out;
    }();
    return all;
}

bool is_unary(const std::string& name) {
    return std::ranges::any_of(kUnary, [&](const Named& f) { return name == f.name; });
}

Function function_of(const std::string& name) {
    for (const Named& f : kUnary)
        if (name == f.name) return f.function;
    throw std::logic_error(name + " is no function of one number");
}

bool is_reduction(const formula::Node& call) {
    if (is_unary(call.name)) return false;
    return (call.name != "min" && call.name != "max") || call.arguments.size() == 1;
}

}  // namespace prefdyn::theory
