#include "experiments/studies/samplers/samplers_study.hpp"

#include <cmath>

#include "experiments/program/parallel.hpp"
#include "sim/base/substream.hpp"
#include "sim/data/noise.hpp"
#include "sim/tabular/online_training.hpp"
#include "theory/facts.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::SamplerFacts;

constexpr double kBeta = 0.5;
constexpr int kUpdates = 16;
constexpr int kNoisyUpdates = 12;
constexpr std::size_t kNoisyRuns = 2000;
constexpr double kNear = 1e-4;

/// Of the published code: its step, its beta and its number of responses.
constexpr double kCodeStep = 10.0, kCodeBeta = 3.0;
constexpr Index kCodeResponses = 20;

constexpr PairSampler kSamplers[] = {PairSampler::kUniform, PairSampler::kMixReward,
                                     PairSampler::kMixPolicy};

Vector two_values(Index responses, double range) {
    Vector out = Vector::Zero(responses);
    out.head(responses / 2).setConstant(range);
    return out;
}

Vector drawn(Index responses, std::uint64_t seed) {
    Stream stream = stream_of(seed, Substream::kSamplers);
    Vector out(responses);
    for (double& r : out) r = static_cast<double>(stream() >> 11) * 0x1p-53;
    return out;
}

OnlineDpo world_of(Vector reward, PairSampler sampler) {
    return {std::move(reward), kBeta, sampler};
}

OnlineDpo of_code(PairSampler sampler) {
    return {Vector::LinSpaced(kCodeResponses, 0.0, 1.0), kCodeBeta, sampler, kCodeStep};
}

struct SamplerSetting {
    std::string name;
    OnlineDpo world;
    double noise = 0.0;
    double distance = 0.0;  ///< of a start near the optimum; 0: the reference
};

std::vector<SamplerSetting> settings_of(std::uint64_t seed) {
    const std::vector<std::pair<std::string, Vector>> rewards = {
        {"A = 2, rewards 0 and 1", two_values(2, 1.0)},
        {"A = 6, rewards 0 and 1", two_values(6, 1.0)},
        {"A = 5, rewards evenly to 1/2", Vector::LinSpaced(5, 0.0, 0.5)},
        {"A = 3, rewards evenly to 1", Vector::LinSpaced(3, 0.0, 1.0)},
        {"A = 20, rewards drawn from (0, 1)", drawn(20, seed)},
    };
    std::vector<SamplerSetting> out;
    for (const PairSampler sampler : kSamplers) {
        const std::string by = std::string(", ") + sampler_name(sampler);
        for (const auto& [name, reward] : rewards)
            out.push_back({name + by, world_of(reward, sampler)});
        out.push_back({"the published code's step, A = 20" + by, of_code(sampler)});
        for (const double noise : {0.01, 0.1})
            out.push_back({"A = 4, rewards evenly to 1, noise " + format_real(noise) + by,
                           world_of(Vector::LinSpaced(4, 0.0, 1.0), sampler), noise});
    }
    for (const auto& [name, reward] : rewards)
        if (reward.size() > 2)
            out.push_back({name + ", uniform, near the optimum",
                           world_of(reward, PairSampler::kUniform), 0.0, kNear});
    return out;
}

SamplerFacts train(const SamplerSetting& s, std::uint64_t seed) {
    if (s.distance > 0.0) return nudge_samplers(s.world, s.distance);
    return s.noise == 0.0 ? train_samplers(s.world, kUpdates)
                          : train_noisily(s.world, kNoisyUpdates, s.noise, kNoisyRuns, seed);
}

Evidence evidence_of(const SamplerFacts& facts) {
    return theory::evidence_with(facts, facts.world.beta);
}

struct Outcomes {
    std::vector<SamplerSetting> settings;
    std::vector<SamplerFacts> facts;
    std::vector<SamplerFacts> curves;  ///< [rule][sampler]
};

std::vector<SamplerFacts> curves(std::uint64_t seed) {
    Vector normal(kCodeResponses);
    Stream stream = stream_of(seed, Substream::kSamplers, 900);
    fill_noise(NoiseSpec{}, stream, normal.data(), normal.size());
    std::vector<OnlineDpo> rules(3, of_code(PairSampler::kUniform));
    rules[0].step = 0.0;
    rules[2].reward = normal;
    std::vector<SamplerFacts> out;
    for (OnlineDpo& world : rules)
        for (const PairSampler sampler : kSamplers) {
            world.sampler = sampler;
            out.push_back(train_samplers(world, kUpdates));
        }
    return out;
}

std::vector<double> error_values(const SamplerFacts& f) { return gather(f.error, &Ball::value); }

double root_mean_square(const SamplerFacts& f) {
    return f.noise == 0.0 ? kNan : std::sqrt(f.square) / f.noise;
}

std::vector<Filled<Outcomes>> fields() {
    const std::string at = "samplers_setting", rule = "samplers_step", by = "samplers_sampler",
                      update = "samplers_update";
    return {
        {at, "", "rewards and sampler of online DPO, T18",
         [](const Outcomes& o) { return gather(o.settings, &SamplerSetting::name); }},
        {"samplers_noise",
         {at},
         "",
         "sigma; 0: exact gradients",
         [](const Outcomes& o) { return gather(o.settings, &SamplerSetting::noise); }},
        {"samplers_left",
         {at},
         "sigma",
         "sqrt(E delta^2) after 12 updates over 2000 runs, of the pair where it is largest; NaN "
         "without noise",
         [](const Outcomes& o) { return gather(o.facts, root_mean_square); }},
        {"samplers_best_rate",
         {at},
         "",
         "what uniform pairs leave of an error near the optimum at least, whatever the step, to "
         "first "
         "order",
         [](const Outcomes& o) {
             return gather(o.settings, [](const SamplerSetting& s) {
                 return theory::best_linear_rate(theory::reward_curvature(s.world.reward));
             });
         }},
        {rule, "",
         "the step that cancels the linear term, or the published code's, 10; rewards evenly in "
         "[0, "
         "1], or normal as in that code",
         [](const Outcomes&) {
             return std::vector<std::string>{"linear term cancelled", "published code's step",
                                             "its step, normal rewards"};
         }},
        {by, "", "how pairs are drawn",
         [](const Outcomes&) {
             std::vector<std::string> out;
             for (const PairSampler sampler : kSamplers) out.push_back(sampler_name(sampler));
             return out;
         }},
        {update, "updates", "exact gradient steps since the reference",
         [](const Outcomes&) { return count_to(kUpdates + 1); }},
        {"samplers_error",
         {rule, by, update},
         "",
         "max |delta| over pairs: A = 20, beta = 3",
         [](const Outcomes& o) { return values_from(o.curves, error_values); }},
        {"samplers_bound",
         {by, update},
         "",
         "the published bound on it",
         [](const Outcomes&) {
             std::vector<double> out;
             for (const PairSampler sampler : kSamplers)
                 for (int t = 0; t <= kUpdates; ++t)
                     out.push_back(theory::sampler_bound(sampler, t).value);
             return out;
         }},
    };
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    Outcomes all{settings_of(plan.seed), {}, curves(plan.seed)};
    all.facts.resize(all.settings.size());
    parallel_for("samplers", all.settings.size(), [&](std::size_t k) {
        all.facts[k] = train(all.settings[k], derive_seed(plan.seed, Substream::kSamplers, 1 + k));
    });
    StudyOutcome out;
    for (std::size_t k = 0; k < all.settings.size(); ++k)
        for (const Claim& claim : claims)
            out.judge("samplers", claim, all.settings[k].name, evidence_of(all.facts[k]));
    out.put(fields(), all);
    return out;
}

/// Runs that are not as the claim presupposes; its assumptions are presumed.
Control presumed(const std::string& claim, const std::string& name, const std::string& fault,
                 OnlineDpo (*made)(), double strength = 1.0) {
    return {claim, name, fault, [=](const Claim& c, std::uint64_t) {
                const SamplerFacts facts = train_samplers(made(), kUpdates);
                return judge_case(theory::strengthened(c, strength), evidence_of(facts), true);
            }};
}

OnlineDpo evenly(PairSampler sampler) { return world_of(Vector::LinSpaced(6, 0.0, 1.0), sampler); }

/// Nudged runs that the claim takes for runs of uniform pairs.
Control nudged(const std::string& name, const std::string& fault, PairSampler sampler,
               double strength) {
    return {"T18f", name, fault, [=](const Claim& c, std::uint64_t) {
                const SamplerFacts facts = nudge_samplers(evenly(sampler), kNear);
                return judge_case(theory::strengthened(c, strength), evidence_of(facts), true);
            }};
}

/// Noise that is `factor` times the one claimed.
Control misdeclared_noise(const std::string& name, const std::string& fault, double factor) {
    return {"T18e", name, fault, [factor](const Claim& c, std::uint64_t seed) {
                SamplerFacts facts =
                    train_noisily(world_of(two_values(4, 1.0), PairSampler::kMixReward),
                                  kNoisyUpdates, 0.01, kNoisyRuns, seed);
                facts.noise /= factor;
                return judge_case(c, evidence_of(facts));
            }};
}

std::vector<Control> sampler_controls() {
    const char* code = "the step is the published code's, 10, at beta = 3, A = 20";
    return {
        presumed("T18a", "published code's step", code,
                 [] { return of_code(PairSampler::kUniform); }),
        presumed("T18a", "rewards three apart", "rewards leave the unit interval, 0 and 3",
                 [] { return world_of(two_values(4, 3.0), PairSampler::kUniform); }),
        presumed(
            "T18b", "bound x 0.9", "the bound is made 10 % stronger",
            [] { return world_of(two_values(4, 1.0), PairSampler::kUniform); }, 0.9),
        presumed("T18b", "Mix-R taken for uniform", "pairs are drawn by Mix-R",
                 [] { return world_of(two_values(4, 1.0), PairSampler::kMixReward); }),
        presumed("T18c", "published code's step", code,
                 [] { return of_code(PairSampler::kMixReward); }),
        presumed("T18c", "uniform taken for Mix-R", "pairs are drawn uniformly",
                 [] { return evenly(PairSampler::kUniform); }),
        presumed("T18d", "published code's step", code,
                 [] { return of_code(PairSampler::kMixPolicy); }),
        presumed("T18d", "uniform taken for Mix-P", "pairs are drawn uniformly",
                 [] { return evenly(PairSampler::kUniform); }),
        nudged("Mix-R taken for uniform", "pairs are drawn by Mix-R", PairSampler::kMixReward, 1.0),
        nudged("bound x 0.9", "the bound is made 10 % stronger", PairSampler::kUniform, 0.9),
        misdeclared_noise("noise twelve times as strong",
                          "every update's noise is twelve times the one claimed", 12.0),
        misdeclared_noise("noise half as strong", "every update's noise is half of the one claimed",
                          0.5),
    };
}

}  // namespace

SamplerFacts train_samplers(const OnlineDpo& world, int updates) {
    return {world, reward_errors(world, updates)};
}

SamplerFacts nudge_samplers(const OnlineDpo& world, double distance) {
    SamplerFacts out{world, {}};
    const theory::RewardCurvature curvature = theory::reward_curvature(world.reward);
    const Index A = world.responses(), last = A - 1;
    const double unit = static_cast<double>(A * A) / (2.0 * world.beta * world.beta);
    const double best = 2.0 * unit / (curvature.value(1) + curvature.value(last));
    for (const double factor : {0.25, 0.5, 1.0, 1.5, 2.0}) {
        OnlineDpo at = world;
        at.step = factor * best;
        const auto kept = [&](Index k) {
            return std::fabs(1.0 - at.step / unit * curvature.value(k));
        };
        const Index worst = kept(1) > kept(last) ? 1 : last;
        const Vector implicit = world.reward - distance * curvature.vector.col(worst);
        theory::NearUpdate near{at.step, world.reward - implicit, {}};
        const std::vector<Ball> after = updated_rewards(at, implicit);
        for (Index a = 0; a < A; ++a)
            near.left.push_back(Ball(world.reward(a)) - after[static_cast<std::size_t>(a)]);
        out.near.push_back(std::move(near));
    }
    return out;
}

SamplerFacts train_noisily(const OnlineDpo& world, int updates, double noise, std::size_t runs,
                           std::uint64_t seed) {
    SamplerFacts out{world, reward_errors(world, updates)};
    out.noise = noise;
    const Index A = world.responses();
    Matrix first = Matrix::Zero(A, A), second = first;
    for (std::size_t k = 0; k < runs; ++k) {
        Stream stream(seed, Purpose::kTabular, k);
        const Vector left = world.reward - noisy_rewards(world, updates, noise, stream);
        const Matrix square = (left.replicate(1, A) - left.transpose().replicate(A, 1)).cwiseAbs2();
        first += square;
        second += square.cwiseAbs2();
    }
    const auto n = static_cast<double>(runs);
    Index a = 0, b = 0;
    out.square = first.maxCoeff(&a, &b) / n;
    out.square_error = std::sqrt((second(a, b) / n - out.square * out.square) / n);
    return out;
}

Study samplers_study() {
    return {"samplers",
            {"T18a", "T18b", "T18c", "T18d", "T18e", "T18f"},
            fields_of(fields()),
            run,
            {},
            sampler_controls()};
}

}  // namespace prefdyn
