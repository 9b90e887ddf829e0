#include "experiments/studies/unseen/unseen_study.hpp"

#include <cmath>

#include "experiments/program/parallel.hpp"
#include "sim/base/substream.hpp"
#include "sim/clusters/unseen_training.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::ExplicitRecord;
using theory::ImplicitRecord;
using theory::UnseenFacts;

constexpr int kPolicyRecords = 4;
constexpr int kMarginSteps = 20000;

/// Share of positive margins, ties as halves.
double ranked(const Vector& margin) {
    double right = 0.0;
    for (const double m : margin) right += m > 0.0 ? 1.0 : m == 0.0 ? 0.5 : 0.0;
    return right / static_cast<double>(margin.size());
}

void train_policy(UnseenFacts& f, const UnseenData& data, const UnseenPlan& plan,
                  std::uint64_t seed) {
    TokenHead head(data.token.rows(), data.token.cols(), plan.beta, seed);
    // Rows of a token's prompts at most are summed: kappa of the head, from above.
    const double kappa = 0.5 * plan.beta * plan.beta * data.prompt.rowwise().squaredNorm().mean();
    for (int step = 1; step <= plan.policy_steps; ++step) {
        head.step(data.prompt, data.trained, 1.0 / kappa);
        if (plan.tied) head.tie(data.trained[0].first, data.unseen[0].first);
        if (step % (plan.policy_steps / kPolicyRecords) != 0) continue;
        const Vector margin = head.margins(data.fresh, data.unseen);
        const double ties = static_cast<double>((margin.array() == 0.0).count());
        f.policy.push_back({static_cast<double>(step), ties / static_cast<double>(margin.size()),
                            ranked(margin), ranked(head.margins(data.fresh, data.trained))});
    }
}

/// Errors of a record: sums over rows and coordinates, and what the steps so far rounded, which a
/// step on a convex loss brings no further apart.
ExplicitRecord record_of(const RewardModel& model, const RowMatrix& gaps, const RowMatrix& asked,
                         double step, double drift) {
    const auto terms = static_cast<double>(gaps.rows() + gaps.cols()) + 64.0;
    const double longest = gaps.rowwise().norm().maxCoeff(), size = model.weights().norm();
    const Vector margin = gaps * model.weights();
    const double error = longest * (drift + gamma_of(terms) * size);
    const double least = margin.minCoeff();
    return {step,
            model.loss(),
            error + gamma_of(terms) * model.loss(),
            size,
            drift + gamma_of(terms) * size,
            least / size,
            2.0 * error / size,
            ranked(asked * model.weights())};
}

void train_reward_model(UnseenFacts& f, const UnseenData& data, const UnseenPlan& plan) {
    const RowMatrix gaps = feature_gaps(data, data.prompt, data.trained),
                    asked = feature_gaps(data, data.fresh, data.unseen);
    f.pairs = gaps.rows();
    f.eta_kappa = plan.eta_kappa;
    const MarginRange range = largest_margin(gaps, kMarginSteps);
    const double rounding = gamma_of(4.0 * static_cast<double>(gaps.cols()) + 64.0);
    const double longest = gaps.rowwise().norm().maxCoeff();
    f.largest_low = {range.low, rounding * longest};
    f.largest_high = {range.high, rounding * longest};
    RewardModel model(gaps);
    const double eta = plan.eta_kappa / model.kappa();
    const double terms = static_cast<double>(gaps.rows() + gaps.cols()) + 64.0;
    double drift = 0.0, next = 1.0;
    const double last = std::pow(8.0, plan.reward_records - 1);
    for (double step = 1.0; step <= last; step += 1.0) {
        model.step(eta);
        drift += gamma_of(terms) * (model.weights().norm() + eta * longest);
        if (step != next) continue;
        stop_if_requested();
        f.reward.push_back(record_of(model, gaps, asked, step, drift));
        next *= 8.0;
    }
}

struct UnseenSetting {
    std::string name;
    UnseenSpec spec;
};

UnseenSetting setting(Index topics, Index dimension, double paraphrase) {
    UnseenSpec spec{.topics = topics, .dimension = dimension, .paraphrase = paraphrase};
    return {std::to_string(topics) + " topics, d = " + std::to_string(dimension) +
                ", paraphrases " + format_real(paraphrase) + " away",
            spec};
}

std::vector<UnseenSetting> settings() {
    return {setting(2, 32, 0.3), setting(6, 48, 0.3), setting(6, 48, 1.0), setting(12, 96, 0.3),
            setting(12, 96, 3.0)};
}

UnseenPlan plan_of(Profile profile) {
    return {.reward_records = profile == Profile::kQuick ? 5 : 6};
}

Evidence evidence_of(const UnseenFacts& facts) {
    Evidence e;
    e.of = theory::UnseenCase(&facts);
    return e;
}

struct Outcomes {
    std::vector<UnseenSetting> settings;
    std::vector<UnseenFacts> facts;
};

template <class Get>
auto each(Get get) {
    return [get](const Outcomes& o) { return values_from(o.facts, get); };
}

std::vector<Filled<Outcomes>> fields() {
    using F = const UnseenFacts&;
    const std::string at = "unseen_setting", step = "unseen_step";
    const std::vector<std::string> one = {at}, two = {at, step};
    return {
        {at, "", "answers that training never names, T16",
         [](const Outcomes& o) { return gather(o.settings, &UnseenSetting::name); }},
        {"unseen_policy_accuracy", one, "",
         "share of fresh prompts whose paraphrased answers the policy ranks rightly, ties as "
         "halves",
         each([](F f) { return f.policy.back().accuracy; })},
        {"unseen_policy_trained", one, "", "the same with the answers of training",
         each([](F f) { return f.policy.back().trained; })},
        {"unseen_pairs", one, "", "pairs asked about",
         each([](F f) { return static_cast<std::int64_t>(f.pairs); })},
        {"unseen_largest_margin", one, "", "largest margin of the reward model's pairs, from below",
         each([](F f) { return f.largest_low.value; })},
        {step, "steps", "gradient steps of the reward model",
         [](const Outcomes& o) { return gather(o.facts.front().reward, &ExplicitRecord::step); }},
        {"unseen_reward_accuracy", two, "",
         "share of the paraphrased pairs that the reward model ranks rightly",
         each([](F f) { return gather(f.reward, &ExplicitRecord::accuracy); })},
        {"unseen_reward_margin", two, "", "least margin of its training pairs over ||u||",
         each([](F f) { return gather(f.reward, &ExplicitRecord::margin); })},
    };
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    Outcomes all{settings(), {}};
    all.facts.resize(all.settings.size());
    parallel_for("unseen answers", all.settings.size(), [&](std::size_t k) {
        all.facts[k] = ask_unseen(all.settings[k].spec, plan_of(plan.profile),
                                  derive_seed(plan.seed, Substream::kUnseen, k));
    });
    StudyOutcome out;
    for (std::size_t k = 0; k < all.settings.size(); ++k)
        for (const Claim& claim : claims)
            out.judge("unseen", claim, all.settings[k].name, evidence_of(all.facts[k]));
    out.put(fields(), all);
    return out;
}

Control spoiled(const std::string& claim, const std::string& name, const std::string& fault,
                UnseenPlan plan, void (*spoil)(UnseenFacts&), double strength = 1.0) {
    return {claim, name, fault, [=](const Claim& c, std::uint64_t seed) {
                UnseenFacts facts = ask_unseen(setting(2, 32, 0.3).spec, plan, seed);
                spoil(facts);
                return judge_case(theory::strengthened(c, strength), evidence_of(facts), true);
            }};
}

void nothing(UnseenFacts&) {}

std::vector<Control> unseen_controls() {
    const UnseenPlan quick = plan_of(Profile::kQuick);
    UnseenPlan tied = quick;
    tied.tied = true;
    return {
        spoiled("T16a", "one row tied", "one paraphrase's row of the head moves with its answer's",
                tied, nothing),
        spoiled("T16a", "trained answers asked about",
                "the pairs asked about are those of training", quick,
                [](UnseenFacts& f) {
                    for (ImplicitRecord& record : f.policy) record.accuracy = record.trained;
                }),
        spoiled("T16b", "preferences swapped", "chosen and rejected are exchanged after training",
                quick,
                [](UnseenFacts& f) {
                    for (ExplicitRecord& record : f.reward) record.margin = -record.margin;
                }),
        spoiled("T16b", "bound x 0.5", "the bounds are made twice as strong", quick, nothing, 0.5),
    };
}

}  // namespace

UnseenFacts ask_unseen(const UnseenSpec& spec, const UnseenPlan& plan, std::uint64_t seed) {
    const UnseenData data = sample_unseen(spec, seed);
    UnseenFacts out;
    out.trained = data.trained;
    out.unseen = data.unseen;
    train_policy(out, data, plan, seed);
    train_reward_model(out, data, plan);
    return out;
}

Study unseen_study() {
    return {"unseen", {"T16a", "T16b"}, fields_of(fields()), run, {}, unseen_controls()};
}

}  // namespace prefdyn
