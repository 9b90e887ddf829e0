#include "experiments/studies/probabilities/probability_controls.hpp"

#include <cmath>

#include "experiments/runs/run.hpp"
#include "experiments/studies/probabilities/context_cases.hpp"
#include "experiments/studies/probabilities/squeezing_panels.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::InfluenceFacts;

/// Makes evidence in which what was done is not what is claimed.
using Fault = std::function<InfluenceFacts(std::uint64_t seed)>;

ContextDials centre(double rho) { return {.name = "control", .rho = rho}; }

std::vector<double> control_sizes() { return {0.125, 0.0625, 0.03125, 0.001}; }

/// Single updates and a path, by a trainer of our choice.
InfluenceFacts measured(InfluenceFacts claimed, const ContextTrainer& trainer,
                        double eta_factor = 1.0) {
    measure_single(claimed, trainer, control_sizes(), eta_factor);
    measure_path(claimed, trainer, 0.5, 4, eta_factor);
    return claimed;
}

Fault eta_doubled(double rho) {
    return [rho](std::uint64_t seed) {
        const InfluenceFacts f = make_facts(centre(rho), seed);
        return measured(f, honest_trainer(f), 2.0);
    };
}

/// The trainer pulls the rejected token up with the weight it should push it down with: SFT on
/// both, its mean over two examples made up for in eta.
InfluenceFacts negative_part_flipped(std::uint64_t seed) {
    const InfluenceFacts f = make_facts(centre(0.5), seed);
    InfluenceFacts wrong = f;
    wrong.pairs.plus.resize(2, f.pairs.dimension());
    wrong.pairs.plus << f.pairs.plus, f.pairs.minus;
    wrong.pairs.minus = wrong.pairs.plus;
    wrong.pairs.chosen = wrong.pairs.rejected = {f.pairs.chosen[0], f.pairs.rejected[0]};
    wrong.objective = Objective::kSft;
    return measured(f, honest_trainer(wrong), 2.0 * theory::example_weight(f, 0));
}

/// Logits are taken for log-probabilities after the update: A = I instead of I - 1 pi^T.
InfluenceFacts normaliser_frozen(std::uint64_t seed) {
    InfluenceFacts f = make_facts(centre(0.4), seed);
    RowMatrix direction;
    honest_trainer(f).descent(f.head, direction);
    for (const double c : control_sizes()) {
        const double eta = step_size(f, c);
        f.single.push_back(
            {1.0, eta, log_policy(f.head, f.contexts) + eta * f.contexts * direction.transpose()});
    }
    return f;
}

/// rho = 1 is claimed while the rejected token's context points elsewhere.
InfluenceFacts contexts_taken_for_one(std::uint64_t seed) {
    InfluenceFacts f = make_facts(centre(-0.5), seed);
    const ContextTrainer trainer = honest_trainer(f);
    f.pairs.minus = f.pairs.plus;
    f.contexts.row(1) = f.contexts.row(0);
    return measured(f, trainer);
}

/// One prompt, but a second pair at it is trained too: the chosen token of the first can fall.
InfluenceFacts second_pair(std::uint64_t seed) {
    const InfluenceFacts f = make_facts(centre(1.0), seed);
    InfluenceFacts both = f;
    both.pairs.plus = both.pairs.minus = f.pairs.plus.replicate(2, 1);
    both.pairs.chosen = {0, 2};
    both.pairs.rejected = {1, 0};
    return measured(f, honest_trainer(both), 2.0);
}

/// Committed panel D, claimed to be the negative gradient it is labelled as.
InfluenceFacts committed_panel(std::uint64_t) {
    InfluenceFacts f = squeezing_panels().at(3).facts;
    f.objective = Objective::kUnlikelihood;
    return f;
}

InfluenceFacts squeeze_eta_halved(std::uint64_t seed) {
    const InfluenceFacts f =
        make_facts({.name = "control", .objective = Objective::kUnlikelihood}, seed);
    return measured(f, honest_trainer(f), 0.5);
}

/// What the first order misses is given the order eta^1.5.
InfluenceFacts remainder_too_large(std::uint64_t seed) {
    const InfluenceFacts f = make_facts(centre(0.4), seed);
    InfluenceFacts out = measured(f, honest_trainer(f));
    const theory::Response response = theory::first_order_response(out);
    for (auto& record : out.single)
        record.logp = (response.log_pi + record.eta * response.logp).array() -
                      record.eta * std::sqrt(record.eta);
    return out;
}

/// Updates of a thousandth of a logit, one and several.
InfluenceFacts small_updates(Objective objective, std::uint64_t seed) {
    InfluenceFacts out = make_facts({.name = "control", .objective = objective}, seed);
    const ContextTrainer trainer = honest_trainer(out);
    measure_single(out, trainer, {1e-3});
    measure_path(out, trainer, 1e-3, 2);
    return out;
}

/// One of the tokens that the last step moves is moved 10 % less, nothing else changes.
void shorten(InfluenceFacts& facts, Index token) {
    const double before = facts.path[0].logp(1, token);
    double& after = facts.path[1].logp(1, token);
    after = before + 0.9 * (after - before);
}

InfluenceFacts falls_less(std::uint64_t seed) {
    InfluenceFacts out = small_updates(Objective::kUnlikelihood, seed);
    out.path.resize(2);
    shorten(out, out.pairs.rejected[0]);
    return out;
}

/// One step of c = 1 in a world of all but two tokens, where the bound on y* is attained: y* rises
/// 10 % less. What the first order says of so large a step is too loose to see it.
InfluenceFacts rises_less(std::uint64_t seed) {
    InfluenceFacts out = make_facts({.name = "control",
                                     .vocabulary = 3,
                                     .chosen = 0.9,
                                     .rejected = 0.0999,
                                     .objective = Objective::kUnlikelihood},
                                    seed);
    measure_path(out, honest_trainer(out), 1.0, 1);
    shorten(out, out.pairs.chosen[0]);
    return out;
}

/// The claim without its comparisons of other relations.
Claim only(const Claim& claim, theory::Relation relation) {
    Claim out = claim;
    out.compare = [compare = claim.compare, relation](const theory::Evidence& e) {
        auto comparisons = compare(e);
        std::erase_if(comparisons, [&](const auto& c) { return c.relation != relation; });
        return comparisons;
    };
    return out;
}

/// `told` is the claim that the evidence is held against.
Control control(const std::string& claim, const std::string& name, const std::string& fault,
                Fault make, std::function<Claim(const Claim&)> told = std::identity()) {
    return {claim, name, fault, [=](const Claim& c, std::uint64_t seed) {
                const InfluenceFacts facts = make(seed);
                return judge_case(told(c), evidence_of(facts));
            }};
}

/// One side of a two-sided bound, which is attained as the step shrinks.
Control side_strengthened(const std::string& claim, theory::Relation relation) {
    const std::string side = relation == theory::Relation::kAtLeast ? "lower" : "upper";
    return control(
        claim, "bound x 0.9, " + side, "the " + side + " bound is made 10 % stronger",
        [](std::uint64_t seed) { return small_updates(Objective::kDpo, seed); },
        [=](const Claim& c) { return theory::strengthened(only(c, relation), 0.9); });
}

}  // namespace

theory::Evidence evidence_of(const InfluenceFacts& facts) {
    theory::Evidence out;
    out.of = theory::InfluenceCase(&facts);
    out.training.beta = facts.beta;
    return out;
}

std::vector<Control> probability_controls() {
    const std::string doubled = "the trainer's learning rate is doubled, the claimed one is not";
    const std::string flipped = "the trainer pulls the rejected token instead of pushing it";
    const std::string frozen = "A = I instead of I - 1 pi^T: the normaliser is not updated";
    const std::string one = "rho = 1 is claimed, the contexts have cosine -0.5";
    return {
        control("T12a", "eta doubled", doubled, eta_doubled(0.4)),
        control("T12a", "negative part flipped", flipped, negative_part_flipped),
        control("T12a", "1 pi^T dropped", frozen, normaliser_frozen),
        control("T12a", "contexts taken for one", one, contexts_taken_for_one),
        control("T12a", "remainder too large", "what the first order misses is of order eta^1.5",
                remainder_too_large),
        side_strengthened("T12b", theory::Relation::kAtLeast),
        side_strengthened("T12b", theory::Relation::kAtMost),
        control("T12b", "eta doubled", doubled, eta_doubled(1.0)),
        control("T12b", "contexts taken for one", one, contexts_taken_for_one),
        control("T12b", "second pair",
                "the prompt's chosen token is the rejected one of another pair", second_pair),
        control("T12c", "negative part flipped", flipped, negative_part_flipped),
        control("T12c", "1 pi^T dropped", frozen, normaliser_frozen),
        control("T12c", "contexts taken for one", one, contexts_taken_for_one),
        control("T12d", "falls less", "the rejected token falls 10 % less than it does",
                falls_less),
        control("T12d", "likeliest rises less", "the likeliest token rises 10 % less than it does",
                rises_less, [](const Claim& c) { return only(c, theory::Relation::kAtLeast); }),
        control("T12d", "published panel D as committed",
                "token 25 is pulled as hard as token 42 is pushed: pi cancels, nothing is squeezed",
                committed_panel),
        control("T12d", "eta halved",
                "the trainer's learning rate is halved, the claimed one is not",
                squeeze_eta_halved),
        side_strengthened("T12e", theory::Relation::kAtLeast),
        side_strengthened("T12e", theory::Relation::kAtMost),
        control("T12e", "eta doubled", doubled, eta_doubled(0.4)),
        control("T12e", "1 pi^T dropped", frozen, normaliser_frozen),
        control("T12e", "contexts taken for one", one, contexts_taken_for_one),
    };
}

}  // namespace prefdyn
