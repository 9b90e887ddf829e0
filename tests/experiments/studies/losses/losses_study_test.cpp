// Which claims apply to which loss, T11, and the study's table.
#include "experiments/studies/losses/losses_study.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <map>
#include <set>

#include "experiments/runs/loss_run.hpp"
#include "experiments/runs/run.hpp"
#include "tests/support/support.hpp"
#include "theory/loss_scaling.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

const std::vector<std::string> kRates = {"T1", "T2a", "T2b", "T3a", "T3b", "T3c", "T4a", "T4b"};

/// What theory.md T11 says of each loss: the claims that apply to it.
std::set<std::string> applicable(const std::string& loss) {
    if (loss == "apo_down") return {};
    const bool nonconvex = loss == "exo_pair" || loss == "discopop";
    if (nonconvex) return {"T1", "T3a", "T4a"};
    const std::set<std::string> convex = {"sigmoid", "sigmoid_norm", "ipo", "cdpo", "robust"};
    if (convex.count(loss)) return {kRates.begin(), kRates.end()};
    return {"T1"};
}

RunConfig small() {
    RunConfig c;
    c.features.samples = 60;
    c.features.dimension = 5;
    c.features.distinguishability = 2.0;
    c.features.p_plus = 0.4;
    c.training.steps = 100;
    c.training.records = 20;
    c.training.spacing = Spacing::kLogarithmic;
    c.eta_kappa = 0.05;
    c.seed = seed() >> 1;
    return c;
}

template <class Value>
std::vector<Value> values(const StudyOutcome& outcome, const std::string& name) {
    for (const auto& [key, held] : outcome.values)
        if (key == name) return std::get<std::vector<Value>>(held);
    return {};
}

StudyOutcome run_study(std::uint64_t seed) {
    VerifyPlan plan;
    plan.profile = Profile::kQuick;
    plan.seed = seed;
    return losses_study().run(theory::select_claims("T11"), plan);
}

}  // namespace

TEST_CASE("every loss: the claims that apply to it hold, the others say why not") {
    for (const auto& loss : loss_names())
        for (const Method method : {Method::kGradientDescent, Method::kFlow})
            for (const double beta : {0.1, 1.0}) {
                RunConfig base = small();
                base.beta = beta;
                const RunResult run = run_synthetic(loss_run(base, loss, method));
                CHECK(run.trajectory.stop == StopReason::kCompleted);
                const theory::Evidence evidence = run.evidence();
                const auto holds = applicable(loss);
                for (const auto& id : kRates) {
                    CAPTURE(loss);
                    CAPTURE(id);
                    const auto verdict =
                        theory::judge(theory::select_claims(id).at(0), std::span(&evidence, 1));
                    CHECK(verdict.status == (holds.count(id) ? theory::Status::kHolds
                                                             : theory::Status::kNotApplicable));
                    CHECK(verdict.reason.empty() == (holds.count(id) == 1));
                }
            }
}

TEST_CASE("unmet assumptions are named") {
    const auto reason = [](const std::string& loss, const std::string& id) {
        const RunResult run = run_synthetic(loss_run(small(), loss, Method::kGradientDescent));
        const theory::Evidence evidence = run.evidence();
        return theory::judge(theory::select_claims(id).at(0), std::span(&evidence, 1)).reason;
    };
    CHECK(contains(reason("hinge", "T3a"), "kink"));
    CHECK(contains(reason("hinge", "T2a"), "kink"));
    CHECK(contains(reason("sppo_hard", "T2b"), "not a function of the margin"));
    CHECK(contains(reason("aot", "T4a"), "batch"));
    CHECK(contains(reason("discopop", "T2a"), "not convex"));
    CHECK(contains(reason("apo_down", "T1"), "do not cancel"));
}

TEST_CASE("ipo: kappa = 4 lambda_max(M) whatever beta") {
    for (const double beta : {0.05, 2.0}) {
        RunConfig base = small();
        base.beta = beta;
        const RunResult run = run_synthetic(loss_run(base, "ipo", Method::kFlow));
        CHECK(relative_error(run.kappa, 4.0 * run.statistics.lambda_max) <= 1e-14);
        CHECK(run.trajectory.records.back().train.loss < run.trajectory.records[0].train.loss);
    }
}

TEST_CASE("T11 holds for each loss but apo_down, and fails if a constant is wrong") {
    const StudyOutcome outcome = run_study(seed());
    std::map<std::string, int> held;
    for (const CaseRow& row : outcome.cases) {
        CAPTURE(row.setting);
        const std::string loss = row.setting.substr(0, row.setting.find(','));
        const bool applies = loss != "apo_down";
        CHECK(row.verdict.status ==
              (applies ? theory::Status::kHolds : theory::Status::kNotApplicable));
        ++held[loss];
    }
    CHECK(held.size() == loss_names().size());
    const auto controls = losses_study().controls;
    CHECK(controls.size() == 8);
    for (const Control& control : controls) {
        CAPTURE(control.name);
        const auto claim = theory::select_claims(control.claim).at(0);
        for (const std::uint64_t offset : {0u, 1u, 2u})
            CHECK(control.run(claim, seed() + offset).status == theory::Status::kViolated);
    }
}

TEST_CASE("T11 compares norm and direction") {
    theory::InitialUpdates updates{3.0, 1.0, 3.0, 0.0, 1e-12};
    theory::DatasetStatistics statistics;
    statistics.mean_square = 1.0;
    theory::Evidence e;
    const theory::Claim claim = theory::select_claims("T11").at(0);
    const auto status = [&] { return theory::judge(claim, std::span(&e, 1)).status; };
    CHECK(status() == theory::Status::kNotApplicable);
    e.of = theory::UpdatesCase(&statistics, nullptr, &updates);
    e.training.loss.slope_at_zero = -1.5;
    CHECK(status() == theory::Status::kHolds);
    updates.rate *= 1.0 + 1e-8;
    CHECK(status() == theory::Status::kViolated);
    updates = {3.0, 1.0, -3.0, 0.0, 1e-12};  // the opposite direction
    CHECK(status() == theory::Status::kViolated);
    updates = {3.0, 1.0, 3.0, 1e-3, 1e-12};
    CHECK(status() == theory::Status::kViolated);
    updates = {3.0, 1.0, 3.0, kNan, 1e-12};
    CHECK(status() == theory::Status::kViolated);
    e.training.loss.slope_sum_at_zero = 0.25;
    CHECK(status() == theory::Status::kNotApplicable);
}

TEST_CASE(
    "the study's table: rate ratios 2 |phi'(0)|, verdicts, shapes, same bits on any threads") {
    const StudyOutcome outcome = run_study(seed());
    const auto names = values<std::string>(outcome, "losses_name");
    const auto ratio = values<double>(outcome, "losses_rate_ratio");
    const auto slope = values<double>(outcome, "losses_slope_at_zero");
    const auto ids = values<std::string>(outcome, "losses_claim");
    const auto status = values<std::string>(outcome, "losses_status");
    REQUIRE(names == loss_names());
    REQUIRE(ids == kRates);
    REQUIRE(status.size() == names.size() * ids.size());
    for (std::size_t l = 0; l < names.size(); ++l) {
        CAPTURE(names[l]);
        if (names[l] != "apo_down")
            CHECK(relative_error(ratio[l], 2.0 * std::fabs(slope[l])) <= 1e-12);
        const auto holds = applicable(names[l]);
        for (std::size_t c = 0; c < ids.size(); ++c)
            CHECK(status[l * ids.size() + c] == (holds.count(ids[c]) ? "holds" : "not_applicable"));
    }
    const Threads one(1);
    const StudyOutcome again = run_study(seed());
    for (const char* name : {"losses_rate_ratio", "losses_update_rate", "losses_rewards_chosen"}) {
        const auto a = values<double>(outcome, name), b = values<double>(again, name);
        REQUIRE(a.size() == b.size());
        REQUIRE_FALSE(a.empty());
        CHECK(std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
    }
}

TEST_CASE("the suite trains every loss by flow and by descent") {
    std::map<std::string, std::set<int>> methods;
    for (const auto& run : synthetic_suite(Profile::kQuick, seed()))
        methods[loss_names().at(run.config.loss)].insert(
            static_cast<int>(run.config.training.method));
    CHECK(methods.size() == loss_names().size());
    for (const auto& [loss, seen] : methods) CHECK(seen.size() >= 2);
}

TEST_CASE("a loss without kappa needs an explicit eta; a bad parameter is refused") {
    RunConfig c = loss_run(small(), "hinge", Method::kGradientDescent);
    c.training.eta = 0.0;
    CHECK(contains(input_error([&] { run_synthetic(c); }), "hinge has no finite smoothness"));
    c = loss_run(small(), "exo_pair", Method::kGradientDescent);
    c.label_smoothing = 0.0;
    CHECK(contains(input_error([&] { run_synthetic(c); }), "label smoothing = 0"));
    c = loss_run(small(), "bco_pair", Method::kGradientDescent);
    c.engine = EngineKind::kReduced;
    CHECK(contains(input_error([&] { run_synthetic(c); }), "engine reduced"));
}

}  // namespace prefdyn::test
