#include "experiments/studies/rlhf/tabular_worlds.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/failure.hpp"
#include "sim/base/substream.hpp"
#include "sim/data/noise.hpp"
#include "sim/tabular/tabular_dpo.hpp"
#include "sim/tabular/tabular_rlhf.hpp"

namespace prefdyn {

namespace {

RowMatrix gaussian_table(Index P, Index A, double scale, std::uint64_t seed, std::uint64_t i) {
    RowMatrix out(P, A);
    Stream stream(seed, Purpose::kTabular, i);
    fill_noise(NoiseSpec{}, stream, out.data(), out.size());
    return scale * out;
}

/// Rewards of standard deviation `scale`, a random reference, uneven prompts, uniform pairs.
TabularSetting world(const std::string& name, Index P, Index A, double beta, double scale,
                     std::uint64_t seed) {
    Vector weight = Vector::LinSpaced(P, 1.0, 2.0);
    weight /= weight.sum();
    const RowMatrix reference = log_softmax(gaussian_table(P, A, 1.0, seed, 0)).array().exp();
    return {name, make_world(weight, reference, gaussian_table(P, A, scale, seed, 1)), beta};
}

/// Only neighbours a, a + 1 are compared.
std::vector<Matrix> chain(Index P, Index A) {
    Matrix pair = Matrix::Zero(A, A);
    pair.diagonal(1).setConstant(1.0 / static_cast<double>(A - 1));
    return std::vector<Matrix>(static_cast<std::size_t>(P), pair);
}

TabularSetting never_compared(std::uint64_t seed) {
    TabularSetting out = world("a response never compared", 2, 4, 0.5, 1.0, seed);
    RowMatrix mu = RowMatrix::Ones(2, 4);
    mu.col(3).setZero();
    out.world.pair = pairs_from(mu);
    return out;
}

/// The same K logits move in both prompts.
Matrix tied(Index A) {
    Matrix basis(2 * A, A);
    basis << Matrix::Identity(A, A), Matrix::Identity(A, A);
    return basis;
}

TabularSetting tied_prompts(std::uint64_t seed) {
    TabularSetting out = world("prompts share their logits", 2, 3, 0.5, 1.0, seed);
    out.basis = tied(3);
    return out;
}

/// One feature for six logits.
TabularSetting one_feature(std::uint64_t seed) {
    TabularSetting out = world("one feature for all logits", 2, 3, 0.5, 1.0, seed);
    const RowMatrix feature = gaussian_table(2, 3, 1.0, seed, 2);
    out.basis = Eigen::Map<const Vector>(feature.data(), feature.size());
    return out;
}

TabularSetting with_preferences(const std::string& name, std::uint64_t seed,
                                double (*prefer)(Index a, Index b, double difference)) {
    TabularSetting out = world(name, 2, 3, 0.5, 1.0, seed);
    for (Index x = 0; x < 2; ++x)
        for (Index a = 0; a < 3; ++a)
            for (Index b = 0; b < 3; ++b)
                out.world.preference[static_cast<std::size_t>(x)](a, b) =
                    prefer(a, b, out.world.reward(x, a) - out.world.reward(x, b));
    return out;
}

double cyclic(Index a, Index b, double) {
    if (a == b) return 0.5;
    return (a + 1) % 3 == b ? 0.8 : 0.2;
}

double probit(Index, Index, double difference) {
    return 0.5 * std::erfc(-difference / std::sqrt(2.0));
}

TabularSetting without_support() {
    RowMatrix reference(1, 4), reward(1, 4);
    reference << 0.5, 0.3, 0.2, 0.0;
    reward << 0.0, 0.5, 1.0, 2.0;
    TabularWorld w{Vector::Ones(1),       reference, reward, pairs_from(RowMatrix::Ones(1, 4)),
                   bradley_terry(reward), 1e-6};
    return {"reference without full support", std::move(w), 0.1};
}

theory::TabularFacts facts_of(const TabularSetting& s, const Comparisons& data) {
    theory::TabularFacts out;
    out.beta = s.beta;
    out.weight = s.world.weight;
    out.reference = s.world.reference;
    out.reward = s.world.reward;
    out.wins = data.wins;
    out.basis = s.basis;
    const DpoSolution dpo = solve_dpo({data, log_reference(s.world), s.beta, s.basis});
    if (dpo.existence.attained()) out.dpo = {dpo.log_policy, dpo.gradient_norm, dpo.curvature};
    return out;
}

RlhfProblem rlhf_problem(const TabularSetting& s, const RowMatrix& reward) {
    return {s.world.weight, log_reference(s.world), reward, s.beta, s.basis};
}

}  // namespace

std::vector<TabularSetting> tabular_settings(Profile profile, std::uint64_t seed) {
    std::vector<TabularSetting> out;
    const auto add = [&](const std::string& name, Index P, Index A, double beta, double scale) {
        const auto own = derive_seed(seed, Substream::kTabularWorlds, out.size());
        out.push_back(world(name, P, A, beta, scale, own));
        return &out.back().world;
    };
    add("A = 2", 4, 2, 0.5, 1.0);
    add("A = 3", 4, 3, 0.5, 1.0);
    add("A = 8", 2, 8, 0.5, 1.0);
    add("A = 3, beta = 0.05", 4, 3, 0.05, 1.0);
    add("A = 3, beta = 2", 4, 3, 2.0, 1.0);
    add("A = 3, rewards x 3", 4, 3, 0.5, 3.0);
    auto* skewed = add("A = 3, pairs from pi_ref", 4, 3, 0.5, 1.0);
    skewed->pair = pairs_from(skewed->reference);
    add("A = 5, only neighbours compared", 2, 5, 0.5, 1.0)->pair = chain(2, 5);
    if (profile == Profile::kQuick) return out;
    add("A = 8, P = 16", 16, 8, 0.5, 1.0);
    add("A = 8, beta = 0.05", 4, 8, 0.05, 1.0);
    add("A = 8, beta = 2", 4, 8, 2.0, 1.0);
    add("A = 2, beta = 0.05", 4, 2, 0.05, 1.0);
    add("A = 8, rewards x 0.1", 4, 8, 0.5, 0.1);
    auto* peaked = add("A = 8, pairs from pi_ref", 4, 8, 0.5, 1.0);
    peaked->pair = pairs_from(peaked->reference);
    return out;
}

std::vector<TabularSetting> broken_settings(std::uint64_t seed) {
    const std::uint64_t own = derive_seed(seed, Substream::kBrokenWorlds);
    return {never_compared(own),
            tied_prompts(own),
            one_feature(own),
            with_preferences("preferences in a cycle", own, cyclic),
            with_preferences("probit preferences", own, probit),
            without_support()};
}

TabularSetting broken_setting(const std::string& name, std::uint64_t seed) {
    for (TabularSetting& s : broken_settings(seed))
        if (s.name == name) return std::move(s);
    throw InputError("tabular worlds: none is called '" + name + "'");
}

TabularSetting tied_realisable(std::uint64_t seed) {
    TabularSetting out = tied_prompts(derive_seed(seed, Substream::kTiedWorld));
    out.name = "prompts share their logits and rewards";
    out.world.reward.row(1) = out.world.reward.row(0).array() + 1.0;
    out.world.preference = bradley_terry(out.world.reward);
    return out;
}

TabularSetting misspecified(double third) {
    RowMatrix reward(1, 3);
    reward << 1.0, 2.0, 0.0;
    TabularSetting out{"a class without the optimum",
                       make_world(Vector::Ones(1), RowMatrix::Constant(1, 3, 1.0 / 3.0), reward),
                       1.0};
    Matrix& pair = out.world.pair.front();
    pair = Matrix{{0.0, 1.0, third}, {1.0, 0.0, 1.0}, {third, 1.0, 0.0}};
    pair /= pair.sum();
    out.basis = Vector{{1.0, -1.0, 0.0}};
    return out;
}

RowMatrix rlhf_optimum(const TabularSetting& s, const RowMatrix& reward) {
    if (s.basis.size() > 0) return ascend(rlhf_problem(s, reward)).log_policy;
    return theory::kl_regularised_optimum(s.world.reference, reward, s.beta);
}

theory::TabularFacts population_facts(const TabularSetting& s) {
    theory::TabularFacts out = facts_of(s, population(s.world));
    const Ascent ascent = ascend(rlhf_problem(s, s.world.reward));
    out.ascent = ascent.log_policy;
    out.ascent_residual = ascent.residual;
    return out;
}

theory::TabularFacts sample_facts(const TabularSetting& s, const Comparisons& data,
                                  const RowMatrix& start) {
    theory::TabularFacts out = facts_of(s, data);
    out.population = false;
    const RewardFit fit = fit_reward(data, start);
    if (!fit.existence.attained()) return out;
    out.fitted_reward = fit.reward;
    out.rlhf = {rlhf_optimum(s, fit.reward), fit.gradient_norm, fit.curvature};
    return out;
}

}  // namespace prefdyn
