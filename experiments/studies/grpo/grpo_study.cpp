#include "experiments/studies/grpo/grpo_study.hpp"

#include <cmath>

#include "experiments/program/parallel.hpp"
#include "sim/base/substream.hpp"
#include "theory/facts.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::RecursionFacts;

constexpr int kRounds = 30;
constexpr double kNudge = 1e-3;
constexpr Index kResponses = 6;

struct GrpoSetting {
    double success, beta, epsilon;

    std::string name() const {
        return "p_ref = " + format_real(success) + ", beta = " + format_real(beta) +
               ", eps = " + format_real(epsilon);
    }
    GrpoWorld world(std::uint64_t seed) const {
        return grpo_world(success, beta, epsilon, kResponses, seed);
    }
};

constexpr GrpoSetting kSettled = {0.2, 1.0, 1e-4};
constexpr GrpoSetting kCycling = {1e-3, 0.45, 0.03};

std::vector<GrpoSetting> settings() {
    return {kSettled,          {0.5, 2.0, 1e-4}, {0.05, 0.8, 0.01},   {0.1, 3.0, 1e-4},
            {0.02, 1.0, 0.01}, kCycling,         {0.003, 0.52, 0.03}, {1e-3, 0.36, 1e-3}};
}

/// p_0 = `from`, p_1, ...
std::vector<Ball> play(const GrpoWorld& world, double from, int rounds) {
    std::vector<Ball> out = {Ball(from)};
    for (int n = 0; n < rounds; ++n) out.push_back(grpo_round(world, out.back().value));
    return out;
}

Evidence evidence_of(const RecursionFacts& facts) {
    return theory::evidence_with(facts, facts.recursion.beta);
}

struct Outcomes {
    std::vector<GrpoSetting> settings;
    std::vector<RecursionFacts> facts;
};

template <class Get>
auto each(Get get) {
    return [get](const Outcomes& o) { return values_from(o.facts, get); };
}

std::vector<Filled<Outcomes>> fields() {
    using F = const RecursionFacts&;
    const std::string at = "grpo_setting", round = "grpo_round";
    return {
        {at, "", "reference and strength of GRPO, T22",
         [](const Outcomes& o) { return gather(o.settings, &GrpoSetting::name); }},
        {round, "rounds", "rounds since the reference",
         [](const Outcomes&) { return count_to(kRounds + 1); }},
        {"grpo_success",
         {at, round},
         "",
         "P(right) of the policy that natural gradient ends at",
         each([](F f) { return gather(f.success, &Ball::value); })},
        {"grpo_fixed_point", {at}, "", "p*, the least fixed point of the recursion", each([](F f) {
             return f.fixed.value;
         })},
        {"grpo_beta", {at}, "", "beta", each([](F f) { return f.recursion.beta; })},
        {"grpo_least_beta", {at}, "", "beta above which p* is stable", each([](F f) {
             return f.recursion.least_beta(f.fixed).value;
         })},
        {"grpo_cycle_low",
         {at},
         "",
         "q < p* with h(h(q)) = q; NaN where there is none",
         each([](F f) { return f.cycle.value; })},
        {"grpo_cycle_high", {at}, "", "h(q)", each([](F f) {
             return f.cycling.empty() ? kNan : f.cycling[1].value;
         })},
    };
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    Outcomes all{settings(), {}};
    all.facts.resize(all.settings.size());
    parallel_for("GRPO", all.settings.size(), [&](std::size_t k) {
        const GrpoWorld world =
            all.settings[k].world(derive_seed(plan.seed, Substream::kSamplers, 1000 + k));
        all.facts[k] = play_grpo(world, kRounds, kNudge);
    });
    StudyOutcome out;
    for (std::size_t k = 0; k < all.settings.size(); ++k)
        for (const Claim& claim : claims)
            out.judge("grpo", claim, all.settings[k].name(), evidence_of(all.facts[k]));
    out.put(fields(), all);
    return out;
}

/// A setting whose facts are spoiled, its assumptions presumed; the claims are told `told` times
/// the beta that GRPO works with.
Control spoiled(const std::string& claim, const std::string& name, const std::string& fault,
                GrpoSetting at, double told, void (*spoil)(RecursionFacts&),
                double strength = 1.0) {
    return {claim, name, fault, [=](const Claim& c, std::uint64_t seed) {
                const GrpoWorld world = at.world(seed);
                RecursionFacts facts = play_grpo(world, kRounds, kNudge, told * world.beta);
                spoil(facts);
                return judge_case(theory::strengthened(c, strength), evidence_of(facts), true);
            }};
}

void nothing(RecursionFacts&) {}

void answers_swapped(RecursionFacts& f) {
    const GrpoWorld wrong = grpo_world(1.0 - f.recursion.reference, f.recursion.beta,
                                       f.recursion.epsilon, kResponses, 1);
    f.success = play(wrong, 1.0 - f.recursion.reference, kRounds);
    for (Ball& p : f.success) p = Ball(1.0) - p;
}

/// A point below the stable fixed point is said to come back after two rounds.
void fixed_point_for_cycle(RecursionFacts& f) {
    f.cycle = {0.9 * f.fixed.value, 1e-6};
    f.cycling = {f.cycle, f.recursion.next(f.cycle), f.recursion.next(f.recursion.next(f.cycle))};
}

std::vector<Control> grpo_controls() {
    const char* beta_fault = "GRPO's beta is 1 / 1.1 of the one claimed";
    return {
        spoiled("T22a", "beta off by 10 %", beta_fault, kSettled, 1.1, nothing),
        spoiled("T22a", "bound x 0.99", "the recursion is made 1 % smaller", kSettled, 1.0, nothing,
                0.99),
        spoiled("T22b", "wrong answers rewarded", "the reward is 1 where the answer is wrong",
                kSettled, 1.0, answers_swapped),
        spoiled("T22b", "reference misdeclared",
                "P(right) of the reference is claimed twice what it is", {0.1, 3.0, 1e-4}, 1.0,
                [](RecursionFacts& f) { f.recursion.reference *= 2.0; }),
        spoiled("T22c", "bound x 0.9", "the bound is made 10 % stronger", kSettled, 1.0, nothing,
                0.9),
        spoiled("T22c", "beta off by 10 %", beta_fault, kSettled, 1.1, nothing),
        spoiled("T22d", "stable fixed point", "a stable fixed point is said to be cycled around",
                kSettled, 1.0, fixed_point_for_cycle),
        spoiled("T22d", "beta off by 10 %", beta_fault, kCycling, 1.1, nothing),
    };
}

}  // namespace

RecursionFacts play_grpo(const GrpoWorld& world, int rounds, double nudge, double told) {
    RecursionFacts out;
    out.recursion = {world.success(), told, world.epsilon};
    out.success = play(world, out.recursion.reference, rounds);
    out.fixed = out.recursion.fixed_point();
    out.nudge = nudge;
    out.nudged = play(world, out.fixed.value + nudge, rounds);
    out.cycle = out.recursion.cycle(out.fixed);
    if (!std::isnan(out.cycle.value)) out.cycling = play(world, out.cycle.value, 2);
    return out;
}

RecursionFacts play_grpo(const GrpoWorld& world, int rounds, double nudge) {
    return play_grpo(world, rounds, nudge, world.beta);
}

Study grpo_study() {
    return {"grpo",         {"T22a", "T22b", "T22c", "T22d"}, fields_of(fields()), run, {},
            grpo_controls()};
}

}  // namespace prefdyn
