#include <algorithm>
#include <cmath>

#include "experiments/studies/rlhf/rlhf.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

constexpr double kPredictedGap = 1e-3;
constexpr double kRewardVariance = 0.01;

/// [replicate][size] of the window.
std::vector<std::vector<double>> errors(const SampleTable& table, std::size_t window,
                                        double Sample::*error) {
    std::vector<std::vector<double>> out(table.back().size());
    for (std::size_t k = window; k < table.size(); ++k)
        for (std::size_t r = 0; r < out.size(); ++r) out[r].push_back(table[k][r].*error);
    return out;
}

}  // namespace

SamplePlan sample_plan(const theory::TabularFacts& population, Profile profile) {
    const theory::GapLaw law = theory::gap_law(population);
    const double first = std::max(law.mean / kPredictedGap, law.worst / kRewardVariance);
    SamplePlan out;
    out.window = 4;
    for (int k = -4; k <= 6; ++k)
        out.size.push_back(
            std::max(std::int64_t{1}, std::int64_t{std::llround(first * std::pow(10.0, 0.5 * k))}));
    if (profile != Profile::kQuick) out.replicates = profile == Profile::kFull ? 300 : 120;
    return out;
}

SamplePlan four_decades(std::size_t replicates) {
    return {{1000, 10000, 100000, 1000000, 10000000}, replicates};
}

std::vector<Sample> solve_samples(const TabularSetting& setting, const SamplePlan& plan,
                                  std::size_t k, const RowMatrix& target, std::uint64_t seed) {
    const RowMatrix zero = RowMatrix::Zero(setting.world.prompts(), setting.world.responses());
    std::vector<Sample> out;
    for (std::size_t r = 0; r < plan.replicates; ++r) {
        const auto data = draw(setting.world, plan.size[k], seed, k * plan.replicates + r);
        Sample s{sample_facts(setting, data, zero), kNan, kNan, kNan};
        const RowMatrix& dpo = s.facts.dpo.log_policy;
        if (dpo.size() > 0) {
            s.divergence = divergence(setting.world.weight, target, dpo);
            s.log_error = log_ratio_gap(target, dpo);
            s.pair_gap = log_ratio_gap(s.facts.rlhf.log_policy, dpo);
        }
        out.push_back(std::move(s));
    }
    return out;
}

void watch_convergence(theory::TabularFacts& facts, const SamplePlan& plan,
                       const SampleTable& table) {
    const theory::GapLaw law = theory::gap_law(facts);
    const std::vector<double> size(plan.size.begin() + static_cast<std::ptrdiff_t>(plan.window),
                                   plan.size.end());
    // At the largest size: ten standard deviations of the predicted laws.
    const double gap = (law.mean + 10.0 * law.deviation) / size.back();
    const double log_gap = 10.0 * std::sqrt(2.0 * law.worst / size.back()) / facts.beta;
    facts.divergence = {size, errors(table, plan.window, &Sample::divergence), -1.0, 0.25, gap};
    facts.log_error = {size, errors(table, plan.window, &Sample::log_error), -0.5, 0.125, log_gap};
    for (std::size_t k = plan.window; k < table.size(); ++k)
        for (const Sample& s : table[k])
            facts.without_optimum += theory::ford_unmet(s.facts.wins).empty() ? 0 : 1;
}

theory::TabularFacts converging_facts(const TabularSetting& setting, const SamplePlan& plan,
                                      std::uint64_t seed) {
    theory::TabularFacts out = population_facts(setting);
    const RowMatrix target = rlhf_optimum(setting, setting.world.reward);
    SampleTable table;
    for (std::size_t k = 0; k < plan.size.size(); ++k)
        table.push_back(solve_samples(setting, plan, k, target, seed));
    watch_convergence(out, plan, table);
    return out;
}

}  // namespace prefdyn
