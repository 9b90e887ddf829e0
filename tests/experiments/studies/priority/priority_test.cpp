// The priority study: its statistics, its settings, pairs of given behaviours.
#include "experiments/studies/priority/priority.hpp"

#include <doctest/doctest.h>

#include <set>

#include "experiments/verify/own_mixture.hpp"
#include "sim/base/failure.hpp"
#include "sim/data/feature_file.hpp"
#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

const std::vector<double>& reals(const StudyOutcome& outcome, const std::string& name) {
    for (const auto& [field, values] : outcome.values)
        if (field == name) return std::get<std::vector<double>>(values);
    throw std::runtime_error("no field " + name);
}

void check_holds(const StudyOutcome& outcome) {
    for (const CaseRow& row : outcome.cases) {
        CAPTURE(row.claim);
        CAPTURE(row.setting);
        CAPTURE(row.verdict.reason);
        // T8c asks for two equal weights, T8b for two different priorities, T8e for steps, T8f for
        // short ones.
        const bool other = row.verdict.status == theory::Status::kNotApplicable &&
                           (row.claim == "T8c" || row.claim == "T8e" ||
                            (row.claim == "T8f" && row.verdict.reason == "eta * kappa = 1.9 > 1") ||
                            row.verdict.reason.starts_with("nothing to compare"));
        CHECK((row.verdict.status == theory::Status::kHolds || other));
    }
}

VerifyPlan quick() { return {Profile::kQuick, seed(), 1000, 0.01}; }

/// Margins of two behaviours at times 0, 1, 2, ...
Trajectory margins(const std::vector<double>& first, const std::vector<double>& second) {
    Trajectory out;
    for (std::size_t r = 0; r < first.size(); ++r) {
        Record record{};
        record.time = double(r);
        record.behaviours = {{0.0, first[r], 0.0, 0.0}, {0.0, second[r], 0.0, 0.0}};
        out.records.push_back(record);
    }
    return out;
}

}  // namespace

TEST_CASE("a mixture of the user's own: its statistics are the Gram matrix and the weights") {
    VerifyPlan plan = quick();
    plan.mixture = own_mixture("16, 6;\t6, 9", " 0.3, 0.7");
    const auto settings = priority_settings(plan);
    REQUIRE(settings.size() == 2);  // alone, under gradient descent and the flow
    const MixtureRun run = run_mixture(settings.back(), seed());
    const Matrix& delta = run.behaviours.difference;
    CHECK((delta * delta.transpose() - plan.mixture->gram).norm() < 1e-10);
    CHECK(run.behaviours.weight(0) == doctest::Approx(0.3).epsilon(1e-2));
    // b_k = delta_k / 2 and bbar = 0.3 b_1 + 0.7 b_2.
    CHECK(run.behaviours.alignment(1) == doctest::Approx(0.25 * (0.3 * 6 + 0.7 * 9)));
    CHECK(theory::judge(theory::select_claims("T8b").front(), std::vector{run.evidence()}).status ==
          theory::Status::kHolds);
    CHECK(own_mixture("1,0,0;0,1,0;0,0,1", "").behaviours[2].weight == doctest::Approx(1.0 / 3.0));
}

TEST_CASE("a mixture of the user's own that cannot be") {
    const auto refused = [](const std::string& gram, const std::string& weights,
                            const std::string& part) {
        CAPTURE(gram);
        CHECK(contains(input_error([&] { own_mixture(gram, weights); }), part));
    };
    refused("1, 0; 0, x", "", "--gram, row 2: ' x' is not a finite number");
    refused("1, 0; 0, inf", "", "not a finite number");
    refused("1, 0; 0", "", "--gram, row 2: 1 numbers, must be 2");
    refused("4", "", "1 behaviours, must be 2 to 128");
    refused("1, 2; 2, 1", "", "positive semi-definite");
    refused("1, 0.5; 0.4, 1", "", "entry [0, 1] = 0.5 differs from its mirror image 0.4");
    refused("1, 0; 0, 1", "0.5", "1 numbers for 2 behaviours");
    refused("1, 0; 0, 1", "0.5, 0.6", "add up to 1.1");
    refused("1, 0; 0, 1", "1, 0", "--weights: 0, must be at least 0.001");
}

TEST_CASE("Kendall's tau-b: agreement, reversal, ties, nothing to order") {
    CHECK(kendall_tau({1, 2, 3, 4}, {10, 20, 30, 90}) == doctest::Approx(1.0));
    CHECK(kendall_tau({1, 2, 3, 4}, {4, 3, 2, 1}) == doctest::Approx(-1.0));
    // 6 pairs, 5 concordant, 1 discordant.
    CHECK(kendall_tau({1, 2, 3, 4}, {1, 2, 4, 3}) == doctest::Approx(4.0 / 6.0));
    // One tie in y: 5 concordant of sqrt(6 * 5).
    CHECK(kendall_tau({1, 2, 3, 4}, {1, 2, 3, 3}) == doctest::Approx(5.0 / std::sqrt(30.0)));
    CHECK(kendall_tau({1, 2, 3}, {1, kInfinity, kInfinity}) ==
          doctest::Approx(2.0 / std::sqrt(6.0)));
    CHECK(std::isnan(kendall_tau({1, 1}, {1, 2})));
}

TEST_CASE("first crossing: after the start, at equality, or never") {
    CHECK(first_crossing(margins({0, 2, 3, 1}, {0, 1, 2, 4}), 0, 1) == 3.0);
    CHECK(first_crossing(margins({0, 2, 3, 1}, {0, 1, 3, 4}), 0, 1) == 2.0);
    CHECK(std::isnan(first_crossing(margins({0, 2, 3, 5}, {0, 1, 2, 4}), 0, 1)));
    CHECK(first_crossing(margins({0, 2}, {0, 3}), 0, 1) == 1.0);
}

TEST_CASE(
    "order of learning: 1 where times follow the priorities, -1 where they run against them") {
    MixtureRun run;
    run.behaviours.weight = Vector::Constant(2, 0.5);
    run.behaviours.priority = Eigen::Vector2d(2.0, 1.0);
    run.trajectory = margins({0, 1, 2, 3}, {0, 0.5, 1, 3});
    CHECK(order_agreement(run, &BehaviourMetrics::rewards_margins, 1.0) == 1.0);
    run.behaviours.priority = Eigen::Vector2d(1.0, 2.0);
    CHECK(order_agreement(run, &BehaviourMetrics::rewards_margins, 1.0) == -1.0);
    CHECK(std::isnan(order_agreement(run, &BehaviourMetrics::rewards_margins, 3.0)));
    CHECK(std::isnan(order_agreement(run, &BehaviourMetrics::rewards_margins, 9.0)));
}

TEST_CASE("T8 holds in every setting; negative priority is un-learned, leads outlast t*") {
    const StudyOutcome out = priority_study().run(theory::select_claims("T8"), quick());
    check_holds(out);
    const auto& negative = reals(out, "priority_negative");
    const auto& unlearned = reals(out, "priority_unlearned");
    double some = 0.0;
    for (std::size_t s = 0; s < negative.size(); ++s) {
        CHECK(unlearned[s] == negative[s]);
        some += negative[s];
    }
    CHECK(some >= 4.0);
    double crossings = 0.0;
    for (const double ratio : reals(out, "priority_lead_ratio")) {
        CHECK_FALSE(ratio < 1.0);  // NaN: no pair ever crosses
        crossings += ratio >= 1.0;
    }
    CHECK(crossings >= 1.0);
    for (const double tau : reals(out, "priority_tau_margin")) CHECK(tau > 0.8);
    const auto& low = reals(out, "priority_tau_accuracy_low");
    const auto& mean = reals(out, "priority_tau_accuracy");
    const auto& high = reals(out, "priority_tau_accuracy_high");
    for (std::size_t o = 0; o < mean.size(); ++o) {
        CHECK(low[o] <= mean[o]);
        CHECK(mean[o] <= high[o]);
        CHECK(low[o] > 0.0);
    }
}

TEST_CASE("the study gives the same bits for 1 and 2 threads") {
    std::vector<StudyOutcome> outcomes;
    for (const int threads : {1, 2}) {
        const Threads scope(threads);
        outcomes.push_back(priority_study().run(theory::select_claims("T8a"), quick()));
    }
    for (const std::string name : {"priority_margin", "priority_level", "priority_tau_accuracy"}) {
        const auto &a = reals(outcomes[0], name), &b = reals(outcomes[1], name);
        REQUIRE(a.size() == b.size());
        CHECK(std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
    }
}

TEST_CASE("T8 holds for 128 behaviours") {
    PrioritySetting s{"", equiangular_mixture(128, 4.0, 4.0, 85.0), 4.0, 85.0, {}};
    s.training.eta_kappa = 0.02;
    s.training.steps = 200;
    const MixtureRun run = run_mixture(s, seed());
    CHECK(run.behaviours.behaviours() == 128);
    const theory::Evidence evidence = run.evidence();
    for (const auto& claim : theory::select_claims("T8a,T8b,T8d"))
        CHECK(theory::judge(claim, std::span(&evidence, 1)).status == theory::Status::kHolds);
    CHECK(order_agreement(run, &BehaviourMetrics::rewards_margins, 0.02) > 0.8);
}

TEST_CASE("settings: every K, both trainers, positive semi-definite all of them") {
    std::set<std::size_t> sizes;
    std::set<Method> methods;
    for (const auto& s : priority_settings({Profile::kFull})) {
        sizes.insert(s.mixture.behaviours.size());
        methods.insert(s.training.method);
        CHECK(input_error([&] { validate(s.mixture); }).empty());
    }
    CHECK(sizes == std::set<std::size_t>{2, 4, 16, 128});
    CHECK(methods.size() == 2);
}

TEST_CASE("pairs of given behaviours: matrices by hand, no pair across dimensions") {
    std::vector<Dataset> given;
    for (std::uint64_t k = 0; k < 3; ++k) {
        given.push_back(gaussian_dataset(k == 2 ? 33 : 40, 5, 1800 + k));
        given.back().name = std::string(1, char('a' + k));
    }
    given.push_back(gaussian_dataset(20, 4, 1810));
    const StudyOutcome out =
        priority_study().run_on_features(theory::select_claims("T8"), given, quick());
    check_holds(out);
    CHECK(out.cases.size() == 3 * 6);
    Vector mean[3];
    for (std::size_t k = 0; k < 3; ++k) {
        mean[k] = Vector::Zero(5);
        for (Index i = 0; i < given[k].samples(); ++i)
            mean[k] += given[k].label[std::size_t(i)] * given[k].features.row(i).transpose();
        mean[k] /= double(given[k].samples());
    }
    const auto& level = reals(out, "priority_pair_level");
    const Vector bbar = (40.0 * mean[1] + 33.0 * mean[2]) / 73.0;
    CHECK(relative_error(level[1 * 4 + 2], bbar.dot(mean[1]) / bbar.norm()) <= 1e-12);
    CHECK(relative_error(level[2 * 4 + 1], bbar.dot(mean[2]) / bbar.norm()) <= 1e-12);
    const auto& gap = reals(out, "priority_pair_gap");
    for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t j = 0; j < 4; ++j) {
            const bool alone = (i == 3) != (j == 3);
            CHECK(std::isnan(gap[i * 4 + j]) == alone);
            if (!alone) CHECK(gap[i * 4 + j] == -gap[j * 4 + i]);
        }
    // The share of pairs in which the higher priority has the larger margin, counted anew.
    const auto& margin = reals(out, "priority_pair_margin");
    double agree = 0.0;
    for (const auto& [i, j] : {std::pair(0, 1), std::pair(0, 2), std::pair(1, 2)}) {
        const std::size_t upper = std::size_t(i * 4 + j), lower = std::size_t(j * 4 + i);
        agree += (level[upper] > level[lower]) == (margin[upper] > margin[lower]) ? 1.0 / 3.0 : 0.0;
    }
    CHECK(std::fabs(reals(out, "priority_pair_agreement")[0] - agree) <= 1e-12);
}

TEST_CASE("T8 holds for all 276 pairs of real behaviours") {
    const auto path = data_dir() / "embeddings" / "stories260K_persona.h5";
    if (!available(path)) return;
    const auto given = read_features(path.string());
    const StudyOutcome out =
        priority_study().run_on_features(theory::select_claims("T8"), given, quick());
    CHECK(out.cases.size() == 276 * 6);
    for (const CaseRow& row : out.cases)
        CHECK_MESSAGE(row.verdict.status == theory::Status::kHolds, row.setting << row.claim);
}

}  // namespace prefdyn::test
