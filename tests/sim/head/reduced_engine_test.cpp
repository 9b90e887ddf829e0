// The reduction on features kept in single precision.
#include "sim/head/reduced_engine.hpp"

#include <doctest/doctest.h>

#include "sim/head/trainer.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

PreferenceTask task_of(Index n, Index d, std::uint64_t index) {
    PreferenceTask task = test::make_task(test::gaussian_dataset(n, d, index), 0.3);
    task.held_out = test::gaussian_dataset(n / 2 + 1, d, index + 1);
    return task;
}

TrainSpec steps(Method method) {
    TrainSpec spec;
    spec.method = method;
    spec.eta = method == Method::kAdam ? 0.01 : 0.5;
    spec.steps = 200;
    spec.records = 21;
    spec.batch = method == Method::kGradientDescent ? 0 : 7;
    return spec;
}

Trajectory run(EngineKind kind, const PreferenceTask& task, const TrainSpec& spec) {
    const auto engine = make_engine(kind, task);
    Trajectory out = train(*engine, *task.loss, spec, 5);
    REQUIRE(out.stop == StopReason::kCompleted);
    return out;
}

}  // namespace

TEST_CASE("single precision follows the double engine to 1e-6 over 200 steps") {
    for (const Method method : {Method::kGradientDescent, Method::kSgd, Method::kAdam})
        for (const auto& [n, d] : {std::pair<Index, Index>{31, 33}, {1000, 31}, {33, 1000}}) {
            const PreferenceTask task = task_of(n, d, 1300);
            const Trajectory single = run(EngineKind::kReducedF32, task, steps(method));
            const Trajectory twice = run(EngineKind::kReduced, task, steps(method));
            for (std::size_t k = 1; k < twice.records.size(); ++k) {
                const Record &a = single.records[k], &b = twice.records[k];
                CHECK(relative_error(a.head_change, b.head_change) <= 1e-6);
                CHECK(relative_error(a.train.loss, b.train.loss) <= 1e-6);
                CHECK(relative_error(a.train.rewards_margins, b.train.rewards_margins) <= 1e-6);
                CHECK(relative_error(a.held_out.loss, b.held_out.loss) <= 1e-6);
                CHECK(a.head_change != b.head_change);  // the features really are rounded
            }
        }
}

TEST_CASE("it is the double engine on rounded features, bit for bit") {
    PreferenceTask task = task_of(67, 33, 1310);
    const Trajectory single = run(EngineKind::kReducedF32, task, steps(Method::kSgd));
    for (Dataset* set : {&task.train, &task.held_out})
        for (Index i = 0; i < set->features.size(); ++i)
            set->features.data()[i] =
                static_cast<double>(static_cast<float>(set->features.data()[i]));
    const Trajectory twice = run(EngineKind::kReduced, task, steps(Method::kSgd));
    for (std::size_t k = 0; k < twice.records.size(); ++k) {
        CHECK(single.records[k].head_change == twice.records[k].head_change);
        CHECK(single.records[k].update_rate == twice.records[k].update_rate);
        CHECK(single.records[k].train.loss == twice.records[k].train.loss);
        CHECK(single.records[k].held_out.logps_chosen == twice.records[k].held_out.logps_chosen);
    }
}

TEST_CASE("the same bits for 1, 2 and 8 threads") {
    const PreferenceTask task = task_of(6000, 100, 1320);  // 19 chunks, over the parallel limit
    TrainSpec spec = steps(Method::kGradientDescent);
    spec.steps = 5;
    spec.records = 6;
    std::vector<Trajectory> runs;
    for (const int threads : {1, 2, 8}) {
        const test::Threads scope(threads);
        runs.push_back(run(EngineKind::kReducedF32, task, spec));
    }
    for (std::size_t t = 1; t < 3; ++t)
        for (std::size_t k = 0; k < runs[0].records.size(); ++k) {
            CHECK(runs[t].records[k].head_change == runs[0].records[k].head_change);
            CHECK(runs[t].records[k].update_rate == runs[0].records[k].update_rate);
            CHECK(runs[t].records[k].train.loss == runs[0].records[k].train.loss);
        }
}

TEST_CASE("a feature beyond single precision is refused by index and value") {
    PreferenceTask task = task_of(5, 3, 1330);
    task.held_out.features(2, 1) = -1e39;
    const std::string message =
        test::input_error([&] { make_engine(EngineKind::kReducedF32, task); });
    CHECK(test::contains(message, "held-out features: features[2, 1] = -1e+39 does not fit"));
    CHECK(test::input_error([&] { make_engine(EngineKind::kReduced, task); }).empty());
}
