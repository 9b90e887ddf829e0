// Initial slopes of every behaviour against finite differences along the flow's first direction.
#include "sim/head/slopes.hpp"

#include <doctest/doctest.h>

#include "sim/head/metrics.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

PreferenceTask three_behaviours(std::string_view loss) {
    Dataset data = test::gaussian_dataset(50, 4, 1200);
    for (std::size_t i = 0; i < 50; ++i) data.behaviour.push_back(i < 7 ? 0 : i % 5 ? 2 : 1);
    PreferenceTask task = test::make_task(data, 0.7);
    task.loss = make_loss(typical_loss(loss, 0.7));
    task.policy.vocabulary = 5;
    task.policy.reference = gaussian_head(5, 4, 1.0, test::seed());
    return task;
}

/// M_k and L_k after `time` along the straight line.
std::vector<BehaviourMetrics> along(const PolicyEngine& engine, const PreferenceTask& task,
                                    double time) {
    Vector direction;
    engine.descent(engine.initial(), {}, direction);
    Responses r;
    engine.evaluate(engine.initial() + time * direction, Split::kTrain, r);
    return summarise_behaviours(r, *task.loss, task.train.behaviour);
}

}  // namespace

TEST_CASE("initial slopes are the derivatives of mean margin and mean loss, both engines") {
    for (const std::string& loss : loss_names())
        for (const EngineKind kind : {EngineKind::kReduced, EngineKind::kDense}) {
            CAPTURE(loss);
            // Only functions of the margin: the others couple rows or move the whole head.
            if (make_loss(typical_loss(loss, 0.7))->facts().form != LossForm::kMargin) continue;
            const PreferenceTask task = three_behaviours(loss);
            const auto engine = make_engine(kind, task);
            const BehaviourSlopes got = initial_slopes(*engine);
            REQUIRE(got.margin.size() == 3);
            constexpr double h = 1e-4;
            const auto p1 = along(*engine, task, h), m1 = along(*engine, task, -h);
            const auto p2 = along(*engine, task, 2 * h), m2 = along(*engine, task, -2 * h);
            const double margin_scale = got.margin.cwiseAbs().maxCoeff();
            const double loss_scale = got.loss.cwiseAbs().maxCoeff();
            for (std::size_t k = 0; k < 3; ++k) {
                const auto slope = [&](auto field) {
                    return (8.0 * (p1[k].*field - m1[k].*field) - (p2[k].*field - m2[k].*field)) /
                           (12.0 * h);
                };
                const auto row = static_cast<Index>(k);
                CHECK(std::fabs(got.margin(row) - slope(&BehaviourMetrics::rewards_margins)) <=
                      1e-9 * margin_scale);
                CHECK(std::fabs(got.loss(row) - slope(&BehaviourMetrics::loss)) <=
                      1e-9 * loss_scale);
            }
        }
}

TEST_CASE("weighted by their shares the loss slopes add up to -R(0)^2") {
    const PreferenceTask task = three_behaviours("sigmoid");
    const auto engine = make_engine(EngineKind::kReduced, task);
    const BehaviourSlopes got = initial_slopes(*engine);
    Vector direction, share = Vector::Zero(3);
    engine->descent(engine->initial(), {}, direction);
    for (const int k : task.train.behaviour) share(k) += 1.0 / 50.0;
    const double rate = engine->frobenius(direction);
    CHECK(relative_error(-share.dot(got.loss), rate * rate) <= 1e-13);
}
