#include "sim/loss/sorted_margins.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace prefdyn {

namespace {

std::vector<Index> ranking(const Vector& x) {
    std::vector<Index> order(static_cast<std::size_t>(x.size()));
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return x(a) < x(b); });
    return order;
}

}  // namespace

Vector match_by_rank(const Vector& margin, const Vector& reference, double beta) {
    if (!margin.allFinite()) return margin;
    const std::vector<Index> policy_order = ranking(margin / beta + reference);
    const std::vector<Index> reference_order = ranking(reference);
    Vector out = margin;
    for (std::size_t k = 0; k < policy_order.size(); ++k) {
        const Index i = policy_order[k];
        out(i) += beta * (reference(i) - reference(reference_order[k]));
    }
    return out;
}

}  // namespace prefdyn
