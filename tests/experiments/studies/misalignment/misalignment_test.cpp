// The claims of section 6, the runs they are judged on, and the study.
#include "experiments/studies/misalignment/misalignment.hpp"

#include <doctest/doctest.h>

#include <map>

#include "experiments/studies/misalignment/misalignment_table.hpp"
#include "sim/data/feature_file.hpp"
#include "tests/support/support.hpp"
#include "theory/registry.hpp"

using namespace prefdyn;
using test::contains;
using test::relative_error;

namespace {

MisalignmentSpec spec_of(Activation activation, std::uint64_t index, double head_scale = 1.0) {
    MisalignmentSpec spec;
    spec.data = test::gaussian_dataset(50, 6, index);
    for (Index i = 0; i < 50; ++i)
        spec.data.features(i, 0) += spec.data.label[static_cast<std::size_t>(i)];
    spec.base = gaussian_model(5, 6, head_scale, activation, test::seed() + index);
    spec.align_steps = spec.misalign_steps = 40;
    return spec;
}

theory::Claim claim_named(const std::string& id) { return theory::select_claims(id).front(); }

theory::Verdict judge(const std::string& id, const TwoLayerRun& run) {
    const theory::Evidence evidence = run.evidence();
    return theory::judge(claim_named(id), std::span(&evidence, 1));
}

using theory::Status;

}  // namespace

TEST_CASE("facts of theory/ = what the engine observes, every activation") {
    for (std::size_t k = 0; k < activation_names().size(); ++k) {
        CAPTURE(activation_names()[k]);
        const MisalignmentSpec spec = spec_of(static_cast<Activation>(k), 500);
        const TwoLayerRun run = run_two_layer(spec.data, {spec.base}, {0.3, 0.1, 3, 1});
        const auto& seen = run.trajectory.records.front().observed;
        const theory::TwoLayerFacts& f = run.facts;
        CHECK(relative_error(seen[kObservedD], f.distinguishability) <= 1e-12);
        CHECK(relative_error(seen[kObservedDebiased], f.distinguishability_debiased) <= 1e-12);
        CHECK(relative_error(seen[kObservedZbar], std::sqrt(f.signed_mean_squared)) <= 1e-12);
        CHECK(relative_error(seen[kObservedHead], f.head_norm) <= 1e-14);
        CHECK(relative_error(seen[kObservedEmbedding], f.embedding_norm) <= 1e-14);
        CHECK(seen[kObservedChange] == 0.0);
        CHECK(run.trajectory.records.back().observed[kObservedChange] > 0.0);
        for (std::size_t j = 0; j < f.steps.size(); ++j)
            CHECK(relative_error(run.trajectory.records[j].observed[kObservedCondition],
                                 f.steps[j].condition) <= 1e-10);
        CHECK(f.steps.empty() == (k != 0));
    }
}

TEST_CASE("T9a for the identity is the formula of section 6") {
    const MisalignmentSpec spec = spec_of(Activation::kIdentity, 510);
    const TwoLayerRun run = run_two_layer(spec.data, {spec.base}, {0.3, 0.1, 1, 1});
    Vector zbar = Vector::Zero(6);
    for (Index i = 0; i < 50; ++i)
        zbar += spec.data.label[static_cast<std::size_t>(i)] / 50.0 *
                spec.data.features.row(i).transpose();
    const double want = 0.3 * 0.3 / 4.0 *
                        (2.0 * (spec.base.embedding * zbar).squaredNorm() +
                         spec.base.head.squaredNorm() * zbar.squaredNorm());
    CHECK(relative_error(run.slope(), want) <= 1e-13);
    CHECK(judge("T9a", run).status == Status::kHolds);
}

TEST_CASE("T9a holds from every start that is its own reference, and only there") {
    for (std::size_t k = 0; k < activation_names().size(); ++k) {
        CAPTURE(activation_names()[k]);
        const Misalignment m = misalign(spec_of(static_cast<Activation>(k), 520));
        REQUIRE(m.runs.size() == misalignment_start_names().size());
        for (std::size_t from = 0; from < m.runs.size(); ++from) {
            CAPTURE(misalignment_start_names()[from]);
            const auto verdict = judge("T9a", m.runs[from]);
            CHECK(verdict.status ==
                  (from == kFromOldReference ? Status::kNotApplicable : Status::kHolds));
        }
        CHECK(judge("T9a", m.align).status == Status::kHolds);
    }
}

TEST_CASE("T9a sees a gradient of the right length in the wrong direction") {
    for (const Activation activation : {Activation::kIdentity, Activation::kTanh}) {
        const Dataset data = test::gaussian_dataset(40, 5, 77);
        TwoLayerRun run =
            run_two_layer(data, {gaussian_model(6, 5, 1.0, activation, 3)}, {0.1, 0.05, 1, 1});
        const double slope = run.slope();
        REQUIRE(run.facts.loss_slope.has_value());
        CHECK(std::fabs(*run.facts.loss_slope - slope) < 1e-7 * slope);
        CHECK(judge("T9a", run).status == Status::kHolds);
        run.facts.loss_slope = 0.999 * slope;
        CHECK(judge("T9a", run).status == Status::kViolated);
    }
}

TEST_CASE("T9a where the classes all but cancel: the gradient is small against the curvature") {
    for (const double off : {1e-2, 1e-4, 1e-6, 1e-8}) {
        CAPTURE(off);
        Dataset data = test::gaussian_dataset(40, 5, 78);
        data.features.bottomRows(20) = (1.0 + off) * data.features.topRows(20);
        std::fill_n(data.label.begin(), 20, std::int8_t{1});
        std::fill_n(data.label.begin() + 20, 20, std::int8_t{-1});
        const auto model = gaussian_model(6, 5, 1.0, Activation::kIdentity, 3);
        const Status status = judge("T9a", run_two_layer(data, {model}, {0.1, 0.05, 1, 1})).status;
        // At 1e-8 of its terms the gradient itself is known to 1e-5 only.
        CHECK((status == Status::kHolds || (off == 1e-8 && status == Status::kUndecided)));
    }
}

TEST_CASE("one step of gradient descent moves D^2 by 2 eta beta S + (eta beta ||a|| q^T delta)^2") {
    const TwoLayerTraining training{0.3, 0.2, 30, 1};
    const MisalignmentSpec spec = spec_of(Activation::kIdentity, 530);
    const TwoLayerRun run = run_two_layer(spec.data, {spec.base}, training);
    const auto means = theory::mean_statistics(spec.data);
    const Vector delta = means.mean_plus - means.mean_minus;
    const auto& steps = run.facts.steps;
    REQUIRE(steps.size() == 31);
    const double pull = spec.base.head.dot(spec.base.embedding * delta);
    const double push = 0.2 * 0.3 * spec.base.head.norm() * steps[0].condition / pull;
    const double want = std::pow(steps[0].distinguishability, 2) +
                        2.0 * 0.2 * 0.3 * steps[0].condition + push * push;
    CHECK(relative_error(std::pow(steps[1].distinguishability, 2), want) <= 1e-13);
}

TEST_CASE("T9bp: holds in alignment from a = 0, names the step at which its condition fails") {
    const Misalignment m = misalign(spec_of(Activation::kIdentity, 540, 0.0));
    CHECK(judge("T9bp", m.align).status == Status::kHolds);
    CHECK(m.align.facts.steps.back().distinguishability >
          1.05 * m.align.facts.steps.front().distinguishability);
    const auto away = judge("T9bp", m.runs[kFromAligned]);
    CHECK(away.status == Status::kNotApplicable);
    CHECK(contains(away.reason, "at step 0"));
    CHECK(m.runs[kFromAligned].facts.steps[5].distinguishability <
          m.runs[kFromAligned].facts.steps[0].distinguishability);
    CHECK(judge("T9bp", m.frozen_align).status == Status::kNotApplicable);
    CHECK(judge("T9bp", misalign(spec_of(Activation::kRelu, 540)).align).status ==
          Status::kNotApplicable);
    const MisalignmentSpec spec = spec_of(Activation::kIdentity, 540, 0.0);
    const auto sparse = judge("T9bp", run_two_layer(spec.data, {spec.base}, {0.1, 0.1, 40, 3}));
    CHECK(contains(sparse.reason, "not every step"));
}

TEST_CASE("T9d: the balance drifts in second order, by what plain loops over the updates say") {
    const MisalignmentSpec spec = spec_of(Activation::kIdentity, 560);
    const Misalignment m = misalign(spec);
    CHECK(judge("T9d", m.align).status == Status::kHolds);
    CHECK(judge("T9d", m.frozen_align).status == Status::kNotApplicable);
    CHECK(judge("T9d", misalign(spec_of(Activation::kRelu, 560)).align).status ==
          Status::kNotApplicable);
    const TwoLayerTraining one{0.3, 0.5, 1, 1};
    const auto& facts = run_two_layer(spec.data, {spec.base}, one).facts;
    const Index h = spec.base.head.size(), d = spec.data.dimension(), n = spec.data.samples();
    std::vector<double> q(static_cast<std::size_t>(d)), eq(static_cast<std::size_t>(h));
    double length = 0.0, all = 0.0, diagonal = 0.0;
    for (Index j = 0; j < d; ++j) {
        for (Index i = 0; i < n; ++i)
            q[static_cast<std::size_t>(j)] += 0.5 * spec.data.label[static_cast<std::size_t>(i)] *
                                              spec.data.features(i, j) / static_cast<double>(n);
        length += q[static_cast<std::size_t>(j)] * q[static_cast<std::size_t>(j)];
        for (Index k = 0; k < h; ++k)
            eq[static_cast<std::size_t>(k)] +=
                spec.base.embedding(k, j) * q[static_cast<std::size_t>(j)];
    }
    for (Index k = 0; k < h; ++k)
        for (Index l = 0; l < h; ++l) {
            const double change =
                0.15 * 0.15 *
                (length * spec.base.head(k) * spec.base.head(l) -
                 2.0 * eq[static_cast<std::size_t>(k)] * eq[static_cast<std::size_t>(l)]);
            all += change * change;
            diagonal += k == l ? change * change : 0.0;
        }
    CHECK(relative_error(facts.balance.at(1), std::sqrt(all)) <= 1e-10);
    CHECK(relative_error(facts.unit_balance.at(1), std::sqrt(diagonal)) <= 1e-10);
}

TEST_CASE("T9d: the drift of a given time shrinks with the step, the flow has none") {
    const MisalignmentSpec spec = spec_of(Activation::kIdentity, 561);
    std::vector<double> drift;
    for (const Index steps : {50, 100})
        drift.push_back(run_two_layer(spec.data, {spec.base},
                                      {0.3, 20.0 / static_cast<double>(steps), steps, 1})
                            .facts.balance.back());
    CHECK(drift[0] / drift[1] == doctest::Approx(2.0).epsilon(0.1));
}

TEST_CASE("T9c: frozen features leave no difference between base and aligned, or the labels") {
    for (std::size_t k = 0; k < activation_names().size(); ++k) {
        const Misalignment m = misalign(spec_of(static_cast<Activation>(k), 550));
        CHECK(judge("T9c", m.runs[kFromFrozenAligned]).status == Status::kHolds);
        CHECK(judge("T9c", m.frozen_align).status == Status::kHolds);
        const Vector& head = m.frozen_align.start.head;
        CHECK((m.frozen_align.end.head - head).norm() > 0.1 * head.norm());
        CHECK(judge("T9c", m.runs[kFromAligned]).status == Status::kNotApplicable);
    }
}

TEST_CASE("identity: D and the head share the growth of the slope between them") {
    const Misalignment m = misalign(spec_of(Activation::kIdentity, 560));
    CHECK(std::fabs(m.share_of_distinguishability() + m.share_of_head() - 1.0) <= 1e-10);
    CHECK(m.runs[kFromAligned].slope() > m.runs[kFromBase].slope());
}

TEST_CASE("steps to a loss and to a policy: linear between records, NaN if never, 0 if at once") {
    TwoLayerRun run;
    for (const double step : {0.0, 4.0, 8.0}) {
        Record r{};
        r.step = step;
        r.train.loss = 0.7 - 0.05 * step;
        r.train.logps_rejected = -1.0;
        r.train.logps_chosen = -2.0 + step / 5.0;
        run.trajectory.records.push_back(r);
    }
    CHECK(run.steps_to_loss(0.6) == doctest::Approx(2.0));
    CHECK(run.steps_to_loss(0.7) == 0.0);
    CHECK(std::isnan(run.steps_to_loss(0.1)));
    CHECK(run.steps_to_policy() == doctest::Approx(5.0));
}

TEST_CASE("ratios: geometric mean and Student's t by hand, NaN where one is missing") {
    const double e = std::exp(1.0);
    const Ratio r = ratio_of({2.0 * e, 2.0 * e * e * e}, {2.0, 2.0});
    CHECK(r.mean == doctest::Approx(e * e));
    CHECK(std::log(r.high) == doctest::Approx(2.0 + 12.7062047));  // t, one degree, 97.5 %
    CHECK(std::log(r.low) == doctest::Approx(2.0 - 12.7062047));
    CHECK(std::isnan(ratio_of({1.0, kNan}, {1.0, 1.0}).mean));
    CHECK(std::isnan(ratio_of({2.0}, {1.0}).low));
    CHECK(ratio_of({2.0}, {1.0}).mean == doctest::Approx(2.0));
}

TEST_CASE("quantiles by hand, NaN where one is missing") {
    CHECK(quantile_of({3.0, 1.0, 2.0}, 0.5) == 2.0);
    CHECK(quantile_of({3.0, 1.0, 2.0}, 0.1) == doctest::Approx(1.2));
    CHECK(quantile_of({3.0, 1.0, 2.0}, 0.9) == doctest::Approx(2.8));
    CHECK(quantile_of({4.0}, 0.9) == 4.0);
    CHECK(quantile_of({4.0, 4.0}, 1.0) == 4.0);
    CHECK(std::isnan(quantile_of({1.0, kNan}, 0.5)));
}

TEST_CASE("the table has the loss curve of every start, its ends and its first steps") {
    MisalignmentSpec spec = spec_of(Activation::kIdentity, 570);
    spec.every = 7;
    const Misalignment m = misalign(spec);
    MisalignmentTable table;
    tabulate(table, "one", {"seed"}, 0.6, {m});
    const auto& step = table.curve_step;
    REQUIRE(step.size() > 10);
    for (std::size_t k = 0; k < 6; ++k) CHECK(step[k] == static_cast<double>(k));
    CHECK(step.back() == 40.0);
    for (std::size_t level = 0; level < 3; ++level) {
        REQUIRE(table.loss[level].size() == kMisalignmentStarts * step.size());
        for (std::size_t start = 0; start < kMisalignmentStarts; ++start) {
            const auto& records = m.runs[start].trajectory.records;
            const auto row = start * step.size();
            CHECK(table.loss[level][row] == records.front().train.loss);
            CHECK(table.loss[level][row + 5] == records[5].train.loss);
            CHECK(table.loss[level][row + step.size() - 1] == records.back().train.loss);
        }
    }
}

TEST_CASE("every planted fault is caught, whatever the seed") {
    for (const Control& control : misalignment_controls())
        for (const std::uint64_t offset : {0u, 1u, 2u, 3u}) {
            const auto verdict = control.run(claim_named(control.claim), test::seed() + offset);
            CHECK_MESSAGE(verdict.status == Status::kViolated,
                          control.claim << " " << control.name << ": " << verdict.reason);
        }
}

namespace {

std::map<std::string, std::vector<double>> numbers(const StudyOutcome& outcome) {
    std::map<std::string, std::vector<double>> out;
    for (const auto& [name, values] : outcome.values)
        if (const auto* reals = std::get_if<std::vector<double>>(&values)) out[name] = *reals;
    return out;
}

std::size_t length(const StudyOutcome& outcome, const std::string& axis) {
    for (const auto& [name, values] : outcome.values)
        if (name == axis) return std::visit([](const auto& v) { return v.size(); }, values);
    return 0;
}

void check_shapes(const StudyOutcome& outcome) {
    for (const Field& field : misalignment_fields()) {
        CAPTURE(field.name);
        std::size_t want = 1;
        for (const auto& axis : field.axes) want *= length(outcome, axis);
        CHECK(length(outcome, field.name) == want);
        CHECK(want > 0);
    }
}

}  // namespace

TEST_CASE("the study fills its fields, holds, and has the same bits for any number of threads") {
    VerifyPlan plan;
    plan.profile = Profile::kQuick;
    plan.seed = test::seed();
    const Study study = misalignment_study();
    const auto claims = claims_of(study, theory::claims());
    REQUIRE(claims.size() == 5);
    StudyOutcome one, two;
    {
        const test::Threads threads(1);
        one = study.run(claims, plan);
    }
    {
        const test::Threads threads(2);
        two = study.run(claims, plan);
    }
    check_shapes(one);
    std::map<std::string, int> held;
    for (const CaseRow& row : one.cases) {
        CAPTURE(row.setting);
        CHECK(row.verdict.status != Status::kViolated);
        if (row.verdict.status == Status::kHolds) ++held[row.claim];
    }
    CHECK(held.size() == 5);
    const auto a = numbers(one), b = numbers(two);
    for (const auto& field : a) {
        const std::string& name = field.first;
        const auto& values = field.second;
        CAPTURE(name);
        REQUIRE(values.size() == b.at(name).size());
        CHECK(std::memcmp(values.data(), b.at(name).data(), values.size() * sizeof(double)) == 0);
    }
}

TEST_CASE("the study runs on real features: two behaviours of a small language model") {
    const auto path = test::data_dir() / "embeddings" / "stories260K_persona.h5";
    if (!test::available(path)) return;
    auto behaviours = read_features(path.string());
    behaviours.resize(2);
    const Study study = misalignment_study();
    VerifyPlan plan;
    plan.profile = Profile::kQuick;
    const StudyOutcome out =
        study.run_on_features(claims_of(study, theory::claims()), behaviours, plan);
    check_shapes(out);
    std::size_t holds = 0;
    for (const CaseRow& row : out.cases) {
        CHECK_MESSAGE(row.verdict.status != Status::kViolated, row.claim << " " << row.setting);
        holds += row.verdict.status == Status::kHolds ? 1 : 0;
    }
    CHECK(holds >= 2);
}
