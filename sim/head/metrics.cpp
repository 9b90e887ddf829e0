#include "sim/head/metrics.hpp"

#include <algorithm>
#include <span>

#include "sim/base/numerics.hpp"
#include "sim/base/quantile.hpp"

namespace prefdyn {

SplitMetrics no_metrics() {
    SplitMetrics out{};
    out.loss = out.rewards_margins = out.rewards_accuracies = out.rewards_ties = kNan;
    out.outputs_accuracies = out.outputs_ties = out.logps_chosen = out.logps_rejected = kNan;
    out.rewards_chosen = out.rewards_rejected = kNan;
    out.margin_quantiles.fill(kNan);
    return out;
}

namespace {

/// Puts the numbers of these ranks where a sort of [begin, end) would; ranks ascend from `begin`'s.
void place_ranks(double* begin, double* end, std::span<const std::size_t> ranks,
                 std::size_t first) {
    if (ranks.empty()) return;
    const std::size_t half = ranks.size() / 2;
    double* const middle = begin + (ranks[half] - first);
    std::nth_element(begin, middle, end);
    place_ranks(begin, middle, ranks.first(half), first);
    place_ranks(middle + 1, end, ranks.subspan(half + 1), ranks[half] + 1);
}

/// Puts the numbers that sorted_quantile reads for kQuantileLevels where a sort would.
void place_quantiles(Vector& x) {
    const auto last = static_cast<std::size_t>(x.size() - 1);
    std::vector<std::size_t> ranks;
    for (const double level : kQuantileLevels) {
        const auto low = static_cast<std::size_t>(level * static_cast<double>(last));
        for (const std::size_t rank : {low, std::min(low + 1, last)})
            if (ranks.empty() || rank > ranks.back()) ranks.push_back(rank);
    }
    place_ranks(x.data(), x.data() + x.size(), ranks, 0);
}

/// Loss of every row.
Vector row_losses(const Responses& r, const PreferenceLoss& loss) {
    const MarginLoss* phi = loss.margin();
    const Vector& margin = r.matched.size() > 0 ? r.matched : r.margin;
    Vector out(r.margin.size());
    if (phi) {
        phi->values(margin.data(), margin.size(), out.data());
        return out;
    }
    for (Index i = 0; i < out.size(); ++i)
        out(i) = loss.value(r.reward_chosen(i), r.reward_rejected(i));
    return out;
}

}  // namespace

std::array<double, kQuantileLevels.size()> quantiles(Vector values) {
    place_quantiles(values);
    std::array<double, kQuantileLevels.size()> out{};
    for (std::size_t q = 0; q < out.size(); ++q)
        out[q] = sorted_quantile(values.data(), static_cast<std::size_t>(values.size()),
                                 kQuantileLevels[q]);
    return out;
}

SplitMetrics summarise(const Responses& r, const PreferenceLoss& loss) {
    SplitMetrics out = no_metrics();
    const Index n = r.margin.size();
    if (n == 0 || !r.margin.allFinite()) return out;
    CompensatedSum total;
    for (const double row : row_losses(r, loss)) total += row;
    out.loss = total.value() / static_cast<double>(n);
    out.rewards_margins = r.margin.mean();
    out.rewards_accuracies = (r.margin.array() > 0.0).cast<double>().mean();
    out.rewards_ties = (r.margin.array() == 0.0).cast<double>().mean();
    out.outputs_accuracies =
        (r.logp_chosen.array() > r.logp_rejected.array()).cast<double>().mean();
    out.outputs_ties = (r.logp_chosen.array() == r.logp_rejected.array()).cast<double>().mean();
    out.logps_chosen = r.logp_chosen.mean();
    out.logps_rejected = r.logp_rejected.mean();
    if (r.reward_chosen.size() == n) {
        out.rewards_chosen = r.reward_chosen.mean();
        out.rewards_rejected = r.reward_rejected.mean();
    }
    out.margin_quantiles = quantiles(r.margin);
    return out;
}

std::vector<BehaviourMetrics> summarise_behaviours(const Responses& r, const PreferenceLoss& loss,
                                                   const std::vector<int>& behaviour) {
    if (behaviour.empty()) return {};
    const auto kinds =
        static_cast<std::size_t>(*std::max_element(behaviour.begin(), behaviour.end())) + 1;
    std::vector<BehaviourMetrics> out(kinds, BehaviourMetrics{});
    std::vector<double> rows(kinds, 0.0);
    std::vector<CompensatedSum> total_loss(kinds);
    const Vector losses = row_losses(r, loss);
    for (std::size_t i = 0; i < behaviour.size(); ++i) {
        const auto k = static_cast<std::size_t>(behaviour[i]);
        const auto row = static_cast<Index>(i);
        rows[k] += 1.0;
        total_loss[k] += losses(row);
        out[k].rewards_margins += r.margin(row);
        out[k].rewards_accuracies += r.margin(row) > 0.0 ? 1.0 : 0.0;
        out[k].outputs_accuracies += r.logp_chosen(row) > r.logp_rejected(row) ? 1.0 : 0.0;
    }
    for (std::size_t k = 0; k < kinds; ++k) {
        out[k].loss = total_loss[k].value() / rows[k];
        out[k].rewards_margins /= rows[k];
        out[k].rewards_accuracies /= rows[k];
        out[k].outputs_accuracies /= rows[k];
    }
    return out;
}

}  // namespace prefdyn
