#include "sim/head/slopes.hpp"

#include <algorithm>

namespace prefdyn {

namespace {

std::vector<std::vector<Index>> rows_by_behaviour(const std::vector<int>& behaviour) {
    const int last = *std::max_element(behaviour.begin(), behaviour.end());
    std::vector<std::vector<Index>> out(static_cast<std::size_t>(last) + 1);
    for (std::size_t i = 0; i < behaviour.size(); ++i)
        out[static_cast<std::size_t>(behaviour[i])].push_back(static_cast<Index>(i));
    return out;
}

/// Frobenius inner product of the matrices that a and b stand for, from the norm alone:
/// <a, b> = |a| |b| (|a/|a| + b/|b||^2 - |a/|a| - b/|b||^2) / 4.
double inner_product(const PolicyEngine& engine, const Vector& a, const Vector& b) {
    const double length_a = engine.frobenius(a), length_b = engine.frobenius(b);
    if (length_a == 0.0 || length_b == 0.0) return 0.0;
    const double sum = engine.frobenius(a / length_a + b / length_b);
    const double difference = engine.frobenius(a / length_a - b / length_b);
    return 0.25 * length_a * length_b * (sum * sum - difference * difference);
}

}  // namespace

BehaviourSlopes initial_slopes(const PolicyEngine& engine) {
    const auto rows = rows_by_behaviour(engine.data(Split::kTrain).behaviour);
    const Vector start = engine.initial();
    Vector direction, own;
    engine.descent(start, {}, direction);
    Responses moved;
    engine.evaluate(start + direction, Split::kTrain, moved);
    BehaviourSlopes out{Vector::Zero(static_cast<Index>(rows.size())),
                        Vector::Zero(static_cast<Index>(rows.size()))};
    for (std::size_t k = 0; k < rows.size(); ++k) {
        const auto row = static_cast<Index>(k);
        for (const Index i : rows[k]) out.margin(row) += moved.margin(i);
        out.margin(row) /= static_cast<double>(rows[k].size());
        engine.descent(start, rows[k], own);
        out.loss(row) = -inner_product(engine, own, direction);
    }
    return out;
}

}  // namespace prefdyn
