// Claims on runs of a transformer: what they are held against, and what comes of it.
#include "experiments/finetune/evidence.hpp"

#include <doctest/doctest.h>

#include "tests/support/finetune_run_support.hpp"
#include "theory/formula/claim_file.hpp"

using namespace prefdyn;
using finetune::TrainedPart;
using Fixture = test::FinetuneRunFixture;
using Start = test::FinetuneStart;

namespace {

FinetuneRun judged_run(const Fixture& f, FinetunePlan plan) {
    plan.judged = true;
    const Start start(f, plan.training.trained.part);
    return run_finetune(start.model, f.behaviours, plan);
}

theory::Verdict verdict(const std::string& claim, const theory::Evidence& evidence) {
    const auto file =
        theory::parse_claims("[X1]\ntitle = a test\nclaim = " + claim + "\n", "x.claim");
    return theory::judge_closely(file.claims.front(), evidence);
}

std::string said(const std::string& claim, const PartEvidence& part) {
    return theory::status_name(verdict(claim, part.evidence()).status);
}

/// log pi(y | x) of the answers of a training pair, from a forward pass of its own in double
/// precision.
std::array<double, 2> exact_logps(const Fixture& f, const finetune::Parameters<double>& weights,
                                  const text::SequencePair& pair) {
    std::array<double, 2> out{};
    for (int side = 0; side < 2; ++side) {
        const auto& ids = side == 0 ? pair.chosen : pair.rejected;
        finetune::SequenceModel<double> model(f.checkpoint->config(), 8);
        finetune::TokenBatch batch;
        batch.add(std::vector<std::int32_t>(ids.begin(), ids.end() - 1));
        const std::vector<Index> last = {batch.tokens() - 1};
        const auto logits = model.forward(weights, batch, last, finetune::Keep::kNothing);
        const double most = logits.row(0).maxCoeff();
        out[static_cast<std::size_t>(side)] =
            logits(0, ids.back()) - most - std::log((logits.row(0).array() - most).exp().sum());
    }
    return out;
}

}  // namespace

TEST_CASE("every number of a pair is within its error of double precision") {
    const Fixture f;
    for (const TrainedPart part : {TrainedPart::kFull, TrainedPart::kLora}) {
        const FinetunePlan plan = f.plan(part);
        const FinetuneRun run = judged_run(f, plan);
        const Start start(f, part);
        finetune::Parameters<double> base(start.layout);
        base.values() = start.weights.values().cast<double>();
        finetune::Parameters<double> weights = base;
        const finetune::Trainable<double> trainable(start.layout, plan.training.trained,
                                                    plan.training.seed);
        trainable.apply(run.theta.cast<double>(), base, weights);
        for (std::size_t p = 0; p < 2; ++p) {
            const PairRecord& last = run.train_pairs[(run.step.size() - 1) * 2 + p];
            REQUIRE(last.value.rows() == 16);
            double largest = 0.0;
            for (Index i = 0; i < 16; ++i) {
                const auto& pair = f.behaviours[p].data.pairs[static_cast<std::size_t>(i)];
                const auto now = exact_logps(f, weights, pair), then = exact_logps(f, base, pair);
                const double beta = plan.training.loss.beta;
                const double margin = beta * (now[0] - then[0] - now[1] + then[1]);
                const std::pair<PairColumn, double> exact[] = {
                    {kPairLogpChosen, now[0]},
                    {kPairLogpRejected, now[1]},
                    {kPairRewardChosen, beta * (now[0] - then[0])},
                    {kPairRewardRejected, beta * (now[1] - then[1])},
                    {kPairMargin, margin},
                    {kPairLoss, std::log1p(std::exp(-margin))}};
                for (const auto& [column, value] : exact) {
                    CHECK(std::fabs(last.value(i, column) - value) <= last.error(i, column));
                    largest = std::max(largest, last.error(i, column));
                }
            }
            CHECK(largest > 0.0);
            CHECK(largest < 1e-5);
        }
        // Nothing has moved at the start, in either precision.
        CHECK(run.train_pairs[0].value.col(kPairMargin).cwiseAbs().maxCoeff() == 0.0);
        CHECK(run.train_pairs[0].error.col(kPairMargin).maxCoeff() == 0.0);
    }
}

TEST_CASE("what claims are held against is what the result file says") {
    const Fixture f;
    FinetunePlan plan = f.plan(TrainedPart::kFull);
    plan.training.schedule = {finetune::ScheduleKind::kLinear, 4};
    const FinetuneRun run = judged_run(f, plan);
    const PartEvidence part = part_evidence(run, 1, plan.training);
    REQUIRE(part.trajectory.records.size() == 4);
    const Record& last = part.trajectory.records.back();
    CHECK(last.step == 12.0);
    double time = 0.0;
    for (Index k = 0; k < 12; ++k)
        time += 0.003 * finetune::multiplier(plan.training.schedule, k, 12);
    CHECK(last.time == doctest::Approx(time).epsilon(1e-14));
    CHECK(last.train.loss == run.measure(3, 1, "loss"));
    CHECK(last.train.rewards_margins == run.measure(3, 1, "rewards_margins"));
    CHECK(last.held_out.logps_chosen == run.measure(3, 1, "eval_logps_chosen"));
    CHECK(last.margin.mean() == doctest::Approx(last.train.rewards_margins).epsilon(1e-12));
    CHECK(last.train.margin_quantiles.front() == last.margin.minCoeff());
    CHECK(last.train.margin_quantiles.back() == last.margin.maxCoeff());
    CHECK(part.statistics.distinguishability == run.measure(0, 1, "distinguishability"));
    CHECK(part.training.eta == 0.003);
}

TEST_CASE("a pair that may lie on the other side widens the accuracy") {
    const Fixture f;
    const FinetunePlan plan = f.plan(TrainedPart::kFull);
    FinetuneRun run = judged_run(f, plan);
    PairRecord& last = run.train_pairs[6];
    const auto error = [&] {
        return part_evidence(run, 0, plan.training).trajectory.records.back().error.accuracy;
    };
    const ShareError before = error();
    CHECK(before.below == 0.0);
    CHECK(before.above == 0.0);
    for (const Index i : {0, 1}) {
        last.value(i, kPairMargin) = i == 0 ? 0.1 : -0.1;
        last.error(i, kPairMargin) = 0.2;
    }
    CHECK(error().below == 1.0 / 16.0);
    CHECK(error().above == 1.0 / 16.0);
}

TEST_CASE("a theorem holds, a false one is violated, one about heads does not apply") {
    const Fixture f;
    const FinetunePlan plan = f.plan(TrainedPart::kFull);
    const PartEvidence part = part_evidence(judged_run(f, plan), 0, plan.training);
    CHECK(said("share(m > 0) >= 1 - loss / log(2)", part) == "holds");
    CHECK(said("loss >= softplus(-mean(m))", part) == "holds");
    CHECK(said("policy_accuracy == share(m > beta * ref_gap)", part) == "holds");
    CHECK(said("end: loss >= log(2)", part) == "violated");
    CHECK(said("mean(logp_w - logp_l) <= mean(ref_gap) - 1", part) == "violated");
    for (const char* name : {"rate <= R0", "head_change <= t", "m <= t * dm0", "loss <= kappa"})
        CHECK(test::contains(verdict(name, part.evidence()).reason,
                             "is not measured where a transformer is trained"));
    // An equality that rounding alone breaks is undecided beyond its resolution, never violated.
    CHECK(said("reward_chosen - reward_rejected == margin", part) != "violated");
}

TEST_CASE("answers that are not two classes have lengths, and nothing of classes") {
    Fixture f;
    for (auto& b : f.behaviours)
        for (auto& pair : b.data.pairs) pair.label = 0;
    const FinetunePlan plan = f.plan(TrainedPart::kFull);
    const PartEvidence part = part_evidence(judged_run(f, plan), 0, plan.training);
    CHECK(said("mean(norm_z)^2 <= mean_square", part) == "holds");
    CHECK(verdict("loss <= D + 1", part.evidence()).reason == "D is not defined here");
    CHECK(said("share(m > 0) >= 1 - loss / log(2)", part) == "holds");
}

TEST_CASE("what is known of an objective decides which claims apply") {
    const Fixture f;
    FinetunePlan plan = f.plan(TrainedPart::kFull);
    const auto reason = [&](const std::string& loss) {
        plan.training.loss.name = loss;
        const PartEvidence part = part_evidence(judged_run(f, plan), 0, plan.training);
        const auto file = theory::parse_claims(
            "[X1]\ntitle = a test\nneeds = margin loss\nclaim = loss >= phi_inf\n", "x.claim");
        return theory::judge_closely(file.claims.front(), part.evidence()).reason;
    };
    CHECK(reason("hinge") == "");
    for (const char* loss : {"ipo", "sft", "aot", "sigmoid + 0.1 sft"})
        CHECK(reason(loss) == "L is not a mean of phi(m_i)");
}
