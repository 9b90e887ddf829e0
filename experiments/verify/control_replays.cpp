#include "experiments/verify/control_replays.hpp"

#include <map>

#include "experiments/studies/accuracy/accuracy.hpp"
#include "experiments/studies/misalignment/misalignment.hpp"
#include "experiments/studies/priority/priority.hpp"
#include "experiments/studies/probabilities/context_cases.hpp"
#include "experiments/studies/probabilities/squeezing_panels.hpp"
#include "experiments/verify/control_runs.hpp"

namespace prefdyn {

namespace replay {

namespace {

using certify::ContextSubject;
using certify::Fault;
using certify::Subject;
using certify::TwoLayerSubject;
using Replay = std::function<certify::AnySubject(std::uint64_t seed)>;

Subject with(Subject subject, Fault fault) {
    subject.fault = std::move(fault);
    subject.presume = true;
    return subject;
}

Subject drawn(const RunConfig& config) {
    return certify::subject_of(run_synthetic(config), training_rows(config));
}

Replay on(RunConfig (*config)(std::uint64_t), const Fault& fault) {
    return [=](std::uint64_t seed) { return with(drawn(config(seed)), fault); };
}

Replay on_parabola(double eta_kappa, Index steps, const Fault& fault) {
    return [=](std::uint64_t seed) { return with(drawn(parabola(eta_kappa, steps, seed)), fault); };
}

Subject mixture(const PrioritySetting& setting, const Fault& fault, std::uint64_t seed) {
    const Dataset data = mixture_rows(setting, seed);
    const MixtureRun run = train_mixture(data, setting.training, seed);
    return with(certify::subject_of(run, setting.training, data, seed), fault);
}

Replay on_mixture(PrioritySetting (*setting)(), const Fault& fault) {
    return [=](std::uint64_t seed) { return mixture(setting(), fault, seed); };
}

/// Trained on `trained`, told of `told`.
Subject told_other(const RunConfig& config, const Dataset& trained, const Dataset& told) {
    RunResult run = run_dataset(config, trained);
    run.statistics = theory::dataset_statistics(told);
    Fault fault;
    fault.told_data = told;
    return with(certify::subject_of(run, trained), fault);
}

Subject early_flipped(std::uint64_t seed) {
    const Dataset told = synthetic_with_common_mean(seed);
    return told_other(early_times(seed), negative_flipped(told), told);
}

Subject learned_flipped(std::uint64_t seed) {
    const Dataset told = training_rows(learned(seed));
    return told_other(learned(seed), negative_flipped(told), told);
}

Subject labels_flipped(std::uint64_t seed) {
    return told_other(to_kappa_time(5.0, seed), equal_prompts(76), equal_prompts(0));
}

Subject unlearned_late(std::uint64_t seed) {
    const Dataset data = equal_prompts(0);
    return with(certify::subject_of(run_dataset(to_kappa_time(2.0, seed), data), data),
                {.unlearned_after = 1.2});
}

Subject giant_misjudged(std::uint64_t seed) {
    return with(certify::subject_of(run_dataset(short_run(seed), giant_prompt()), giant_prompt()),
                {.told_value_at_zero = 1.0});
}

/// The trainer's eta is `factor` times the clock's.
Replay rate_off(double factor) {
    return [=](std::uint64_t seed) {
        RunConfig c = early_times(seed);
        c.eta_kappa *= factor;
        Subject out = drawn(c);
        const double told = out.training.eta / factor;
        return with(std::move(out), {.told_eta = told});
    };
}

Subject beta_off(std::uint64_t seed) {
    Subject out = drawn(early_times(seed));
    const double told = out.beta / 1.1;
    return with(std::move(out), {.told_beta = told});
}

Subject beyond_stability(std::uint64_t seed) {
    RunConfig c = stiff(seed);
    c.eta_kappa = 3.0;
    return with(drawn(c), {});
}

Subject straight_strengthened(std::uint64_t seed) {
    return with(drawn(straight(1.9, seed)), {.bound_factor = 0.9});
}

Subject mixture_eta_halved(std::uint64_t seed) {
    Subject out = mixture(strong_and_weak(), {}, seed);
    out.fault.told_eta = 2.0 * out.training.eta;
    return out;
}

/// T12's controls (experiments/studies/probabilities/probability_controls.cpp).

theory::InfluenceFacts contexts(double rho, std::uint64_t seed,
                                Objective objective = Objective::kDpo) {
    ContextDials dials;
    dials.name = "control";
    dials.rho = rho;
    dials.objective = objective;
    return make_facts(dials, seed);
}

/// With the step sizes of single updates and of a path.
theory::InfluenceFacts measured(theory::InfluenceFacts facts) {
    measure_single(facts, honest_trainer(facts), {0.125, 0.0625, 0.03125, 0.001});
    measure_path(facts, honest_trainer(facts), 0.5, 4);
    return facts;
}

Replay contexts_rate_off(double rho, Objective objective, double factor) {
    return [=](std::uint64_t seed) {
        return ContextSubject{.told = measured(contexts(rho, seed, objective)),
                              .eta_factor = factor};
    };
}

Replay side_strengthened(theory::Relation side) {
    return [=](std::uint64_t seed) {
        theory::InfluenceFacts facts = contexts(1.0, seed);
        measure_single(facts, honest_trainer(facts), {1e-3});
        measure_path(facts, honest_trainer(facts), 1e-3, 2);
        return ContextSubject{.told = facts, .bound_factor = 0.9, .only = side};
    };
}

ContextSubject contexts_taken_for_one(std::uint64_t seed) {
    const theory::InfluenceFacts trained = contexts(-0.5, seed);
    theory::InfluenceFacts told = trained;
    told.pairs.minus = told.pairs.plus;
    told.contexts.row(1) = told.contexts.row(0);
    return {.told = measured(told), .trained = trained};
}

ContextSubject second_pair(std::uint64_t seed) {
    const theory::InfluenceFacts told = contexts(1.0, seed);
    theory::InfluenceFacts both = told;
    both.pairs.plus = both.pairs.minus = told.pairs.plus.replicate(2, 1);
    both.pairs.chosen = {0, 2};
    both.pairs.rejected = {1, 0};
    return {.told = measured(told), .trained = both, .eta_factor = 2.0};
}

ContextSubject negative_part_flipped(std::uint64_t seed) {
    const theory::InfluenceFacts told = contexts(0.5, seed);
    theory::InfluenceFacts wrong = told;
    wrong.pairs.plus.resize(2, told.pairs.dimension());
    wrong.pairs.plus << told.pairs.plus, told.pairs.minus;
    wrong.pairs.minus = wrong.pairs.plus;
    wrong.pairs.chosen = wrong.pairs.rejected = {told.pairs.chosen[0], told.pairs.rejected[0]};
    wrong.objective = Objective::kSft;
    return {.told = measured(told),
            .trained = wrong,
            .eta_factor = 2.0 * theory::example_weight(told, 0)};
}

ContextSubject committed_panel(std::uint64_t) {
    const theory::InfluenceFacts trained = squeezing_panels().at(3).facts;
    theory::InfluenceFacts told = trained;
    told.objective = Objective::kUnlikelihood;
    return {.told = told, .trained = trained};
}

/// T9's controls (experiments/studies/misalignment/misalignment_controls.cpp).

TwoLayerSubject linear_embedding(std::uint64_t seed) {
    const MisalignmentSpec spec = small_misalignment(seed);
    const TwoLayerTraining training = alignment_of(spec);
    return {.data = spec.data,
            .start = spec.base,
            .beta = training.beta,
            .eta = training.eta,
            .steps = training.steps,
            .presume = true};
}

Replay embedding_with(void (*fault)(TwoLayerSubject&)) {
    return [fault](std::uint64_t seed) {
        TwoLayerSubject out = linear_embedding(seed);
        fault(out);
        return out;
    };
}

void strengthen(TwoLayerSubject& s) { s.bound_factor = 0.9; }
void ignore_head(TwoLayerSubject& s) {
    s.told_start = s.start;
    s.start.head.setZero();
}
void double_eta(TwoLayerSubject& s) { s.told_eta = 0.5 * s.eta; }
void slow_head(TwoLayerSubject& s) { s.head_factor = 0.5; }

/// The model that alignment ends with.
TwoLayerModel aligned(const TwoLayerSubject& s) {
    return run_two_layer(s.data, {s.start}, {s.beta, s.eta, s.steps}).end;
}
void keep_reference(TwoLayerSubject& s) {
    s.reference = s.start;
    s.start = aligned(s);
    s.data = flipped(s.data);
}
void flip_unnoticed(TwoLayerSubject& s) {
    s.told_data = s.data;
    s.start = aligned(s);
    s.data = flipped(s.data);
    s.steps = 5;
}

/// Of controls that several claims have, by name alone.
const std::map<std::string, Replay>& shared() {
    static const std::map<std::string, Replay> all = {
        {"bound x 0.9", on(early_times, {.bound_factor = 0.9})},
        {"beta off by 10 %", beta_off},
        {"class flipped", early_flipped},
        {"eta = 3 / kappa", beyond_stability},
        {"eta doubled", rate_off(2.0)},
        {"eta halved", rate_off(0.5)},
        {"kappa understated", on(stiff, {.lambda_factor = 0.0})},
        {"bound off by 1e-6", on_parabola(0.02, 100, {.bound_factor = kMillionth})},
        {"records exchanged", on_parabola(0.02, 100, {.exchanged = {50, 100}})},
        {"bound x 0.9, energy", on_parabola(0.5, 4, {.bound_factor = 0.9, .dropped = 1})},
        {"bound x 0.9, straight", straight_strengthened},
        {"bound x (1 - 1e-6), parabola", on_parabola(0.02, 100, {.bound_factor = kMillionth})},
        {"kappa x 0.3, parabola", on_parabola(0.02, 100, {.lambda_factor = 0.3})},
        {"bound x 0.9, one line", on(one_line, {.bound_factor = 0.9})},
        {"beta overstated", on(one_line, {.told_beta = 1.1 * RunConfig().beta})},
        {"bound x 0.9, parabola", on_parabola(0.002, 40, {.bound_factor = 0.9})},
        {"unlearned late", unlearned_late},
        {"phi(0) = 1", giant_misjudged},
        {"labels flipped", labels_flipped},
        {"behaviours swapped", on_mixture(strong_and_weak, {.behaviours_swapped = true})},
        {"weights ignored", on_mixture(unequal_weights, {.weights_ignored = true})},
        {"class means for b", on_mixture(unbalanced, {.differences_for_means = true})},
        {"phi'(0) = -1", on_mixture(strong_and_weak, {.told_slope_at_zero = -1.0})},
    };
    return all;
}

/// Of a claim whose control of that name has a run of its own, by the claim's first letters.
const std::map<std::pair<std::string, std::string>, Replay>& own() {
    static const std::map<std::pair<std::string, std::string>, Replay> all = {
        {{"T6", "bound x 0.9"}, on(learned, {.bound_factor = 0.9})},
        {{"T6", "class flipped"}, learned_flipped},
        {{"T8", "bound x 0.9"}, on_mixture(strong_and_weak, {.bound_factor = 0.9})},
        {{"T8", "kappa understated"}, on_mixture(strong_and_weak, {.lambda_factor = 0.5})},
        {{"T8", "eta halved"}, mixture_eta_halved},
        {{"T9", "bound x 0.9"}, embedding_with(strengthen)},
        {{"T9", "base head ignored"}, embedding_with(ignore_head)},
        {{"T9", "reference not reset"}, embedding_with(keep_reference)},
        {{"T9", "labels flipped"}, embedding_with(flip_unnoticed)},
        {{"T9", "eta doubled"}, embedding_with(double_eta)},
        {{"T9", "head factor off"}, embedding_with(slow_head)},
        {{"T12", "bound x 0.9, lower"}, side_strengthened(theory::Relation::kAtLeast)},
        {{"T12", "bound x 0.9, upper"}, side_strengthened(theory::Relation::kAtMost)},
        {{"T12b", "eta doubled"}, contexts_rate_off(1.0, Objective::kDpo, 2.0)},
        {{"T12e", "eta doubled"}, contexts_rate_off(0.4, Objective::kDpo, 2.0)},
        {{"T12d", "eta halved"}, contexts_rate_off(1.0, Objective::kUnlikelihood, 0.5)},
        {{"T12", "contexts taken for one"}, contexts_taken_for_one},
        {{"T12", "second pair"}, second_pair},
        {{"T12", "negative part flipped"}, negative_part_flipped},
        {{"T12", "published panel D as committed"}, committed_panel},
    };
    return all;
}

}  // namespace

namespace {

/// Null if there is none.
const Replay* find_replay(const std::string& claim, const std::string& name) {
    for (std::size_t letters = claim.size(); letters > 1; --letters)
        if (const auto found = own().find({claim.substr(0, letters), name}); found != own().end())
            return &found->second;
    if (claim.starts_with("T9") || claim.starts_with("T12")) return nullptr;
    const auto found = shared().find(name);
    return found == shared().end() ? nullptr : &found->second;
}

}  // namespace

}  // namespace replay

bool has_replay(const std::string& claim, const std::string& name) {
    return replay::find_replay(claim, name) != nullptr;
}

std::optional<certify::AnySubject> replay_control(const std::string& claim, const std::string& name,
                                                  std::uint64_t seed) {
    const replay::Replay* found = replay::find_replay(claim, name);
    if (!found) return std::nullopt;
    return (*found)(seed);
}

certify::TwoLayerSubject small_embedding(std::uint64_t seed) {
    certify::TwoLayerSubject out = replay::linear_embedding(seed);
    out.presume = false;
    return out;
}

}  // namespace prefdyn
