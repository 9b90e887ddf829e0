// Each of the "mild assumptions" broken in turn and presumed, and faults planted in either solver.
#include "experiments/studies/rlhf/rlhf.hpp"
#include "sim/tabular/tabular_dpo.hpp"
#include "sim/tabular/tabular_rlhf.hpp"

namespace prefdyn {

namespace {

using theory::TabularFacts;
using Make = std::function<TabularFacts(std::uint64_t seed)>;

Control control(const std::string& claim, const std::string& name, const std::string& fault,
                Make make, double strength = 1.0) {
    return {claim, name, fault, [make, strength](const theory::Claim& c, std::uint64_t seed) {
                const TabularFacts facts = make(seed);
                return judge_case(strength < 1.0 ? theory::strengthened(c, strength) : c,
                                  evidence_of(facts), true);
            }};
}

TabularSetting plain(std::uint64_t seed) { return tabular_settings(Profile::kQuick, seed)[1]; }

TabularFacts plain_population(std::uint64_t seed) { return population_facts(plain(seed)); }

TabularFacts plain_sample(std::uint64_t seed, const TabularSetting& s, double start = 0.0) {
    RowMatrix from = RowMatrix::Zero(s.world.prompts(), s.world.responses());
    from.rightCols(1).setConstant(start);
    return sample_facts(s, draw(s.world, 100000, seed, 0), from);
}

Control scaled(const std::string& claim, Make make) {
    return control(claim, "bound x 0.9", "the bound is made 10 % off", make, 0.9);
}

/// The claim is told a beta that is `factor` times the one DPO and policy gradient worked with.
TabularFacts with_beta_off(TabularFacts facts, double factor) {
    facts.beta *= factor;
    return facts;
}

TabularFacts beta_off(std::uint64_t seed) {
    return with_beta_off(plain_population(seed), 1.0 / 1.1);
}

Make broken_population(const std::string& name) {
    return [name](std::uint64_t seed) { return population_facts(broken_setting(name, seed)); };
}

Make broken_sample(const std::string& name, double start = 0.0) {
    return [name, start](std::uint64_t seed) {
        return plain_sample(seed, broken_setting(name, seed), start);
    };
}

Make broken_convergence(const std::string& name) {
    return [name](std::uint64_t seed) {
        return converging_facts(broken_setting(name, seed), four_decades(8), seed);
    };
}

/// Over 1024 samples the tolerance of T10e is a tenth of the constant.
TabularFacts plain_convergence(std::uint64_t seed) {
    return converging_facts(plain(seed), four_decades(256), seed);
}

TabularFacts swapped_labels(std::uint64_t seed) {
    const TabularSetting s = plain(seed);
    TabularFacts out = plain_sample(seed, s);
    Comparisons swapped{out.wins};
    for (Matrix& m : swapped.wins) m.transposeInPlace();
    out.rlhf = sample_facts(s, swapped, RowMatrix::Zero(out.reward.rows(), out.reward.cols())).rlhf;
    return out;
}

TabularFacts stopped_early(std::uint64_t seed) {
    const TabularSetting s = plain(seed);
    TabularFacts out = plain_population(seed);
    AscentSpec spec;
    spec.limit = 10;
    out.ascent =
        ascend({s.world.weight, log_reference(s.world), s.world.reward, s.beta}, spec).log_policy;
    return out;
}

/// Uniform reference and equal rewards: pi* and so F are the same for every beta.
TabularSetting indifferent(std::uint64_t seed) {
    TabularSetting out = plain(seed);
    out.world.reference.setConstant(1.0 / 3.0);
    out.world.reward.setZero();
    out.world.preference = bradley_terry(out.world.reward);
    return out;
}

/// With unequal rewards F grows with beta and can make up for 1 / beta^2.
TabularFacts gap_constant_of_other_beta(std::uint64_t seed) {
    return with_beta_off(converging_facts(indifferent(seed), four_decades(256), seed), 2.0);
}

/// Pairs come from a skewed policy and the claim is told that they are uniform. Pairs drawn from
/// the reference itself would not do: with equal rewards they give the same constant as uniform
/// ones.
TabularFacts pairs_misdeclared(std::uint64_t seed) {
    TabularSetting s = indifferent(seed);
    const TabularSetting told = s;
    RowMatrix skewed(s.world.prompts(), 3);
    skewed.rowwise() = Eigen::RowVector3d(0.9, 0.08, 0.02);
    s.world.pair = pairs_from(skewed);
    TabularFacts out = converging_facts(s, four_decades(256), seed);
    out.wins = population(told.world).wins;
    return out;
}

const char* kUncompared = "a response never compared";
const char* kTied = "prompts share their logits";
const char* kFeature = "one feature for all logits";
const char* kCycle = "preferences in a cycle";
const char* kProbit = "probit preferences";
const char* kSupport = "reference without full support";

}  // namespace

std::vector<Control> rlhf_controls() {
    std::vector<Control> out = {
        scaled("T10a", plain_population),
        control("T10a", "beta off by 10 %", "DPO's beta is 1.1 times the one claimed", beta_off),
        scaled("T20", plain_population),
        control("T20", "beta off by 10 %", "DPO's beta is 1.1 times the one claimed", beta_off),
        scaled("T10b", [](std::uint64_t seed) { return plain_sample(seed, plain(seed)); }),
        control("T10b", "labels swapped", "the reward is fitted with winner and loser swapped",
                swapped_labels),
        control("T10b", kUncompared,
                "a response is never compared and the reward model starts elsewhere",
                broken_sample(kUncompared, 1.0)),
        control("T10b", kTied, "the policies of two prompts share their logits",
                broken_sample(kTied)),
        control("T10b", kSupport, "the reference rules out a response that DPO does not",
                broken_sample(kSupport)),
        scaled("T10d", plain_population),
        control("T10d", "stopped early", "policy gradient stops after 10 steps", stopped_early),
        control("T10d", "beta off by 10 %", "RLHF's beta is 1.1 times the one claimed", beta_off),
        control("T10e", "bound x 0.8", "the interval is made 20 % narrower on both sides",
                plain_convergence, 0.8),
        control("T10e", "beta / 2", "DPO's beta is half of the one claimed",
                gap_constant_of_other_beta),
        control("T10e", "pairs misdeclared", "pairs from a skewed policy are claimed to be uniform",
                pairs_misdeclared),
    };
    const auto add_broken = [&](const std::string& claim, Make (*make)(const std::string&),
                                const std::vector<const char*>& names) {
        for (const std::string name : names)
            out.push_back(control(claim, name, name + ", presumed harmless", make(name)));
    };
    const std::vector<const char*> all = {kUncompared, kTied, kFeature, kCycle, kProbit, kSupport};
    add_broken("T10a", broken_population, all);
    add_broken("T10c", broken_convergence, all);
    add_broken("T10d", broken_population, {kTied, kFeature, kSupport});
    add_broken("T10e", broken_convergence, {kCycle, kProbit});
    return out;
}

}  // namespace prefdyn
