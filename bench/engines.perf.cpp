// A step of the reduced engine beside one of the dense engine, on the data of the last layer.

#include "bench/bench.hpp"
#include "experiments/runs/run_config.hpp"
#include "sim/data/batches.hpp"
#include "sim/head/optimizer.hpp"

namespace prefdyn::bench {

namespace {

PreferenceTask last_layer_task(const BenchOptions& o) {
    const FeatureDistribution law(plain_features(o.samples, o.dimension, 2.0), 1);
    PreferenceTask task =
        plain_task(law.sample(1, false, o.device), make_loss("sigmoid"), 0.01, o.device);
    task.policy.vocabulary = o.vocabulary;
    task.policy.reference = gaussian_head(o.vocabulary, o.dimension, 1.0, 1);
    return task;
}

/// `steps` minibatch updates without recording; returns theta - theta_0.
Vector minibatch_steps(const PolicyEngine& engine, const BenchOptions& o, Index steps) {
    const Index n = engine.data(Split::kTrain).samples();
    BatchSampler sampler(n, std::min(o.batch, n), Sampling::kFresh, 1);
    auto optimizer = make_descent(0.1);
    const Vector start = engine.initial();
    Vector theta = start, direction;
    for (Index k = 0; k < steps; ++k) {
        engine.descent(theta, sampler.next(), direction);
        optimizer.step(theta, direction);
    }
    return theta - start;
}

void run(Report& report, const BenchOptions& o) {
    const PreferenceTask task = last_layer_task(o);
    std::unique_ptr<PolicyEngine> reduced;
    const double reference =
        best_seconds(1, [&] { reduced = make_engine(EngineKind::kReduced, task); });
    report.line("reference pass, once", reference, "s", "log-probabilities of W_0 at every prompt");
    const TrainSpec spec = {.method = Method::kSgd,
                            .steps = o.steps,
                            .batch = std::min(o.batch, o.samples),
                            .sampling = Sampling::kFresh,
                            .records = o.steps + 1};
    const double recorded = best_seconds(3, [&] { train(*reduced, *task.loss, spec, 1); });
    report.line("reduced engine, all steps, each one recorded", recorded, "s",
                at_most(0.01 * static_cast<double>(o.steps)));
    const double fast = best_seconds(3, [&] { minibatch_steps(*reduced, o, o.steps); }) /
                        static_cast<double>(o.steps);
    report.line("reduced engine, one step", 1e3 * fast, "ms");

    const auto dense = make_engine(EngineKind::kDense, task);
    Vector change;
    const double slow =
        best_seconds(1, [&] { change = minibatch_steps(*dense, o, o.dense_steps); }) /
        static_cast<double>(o.dense_steps);
    report.line("dense engine, one step", 1e3 * slow, "ms");
    report.line("dense / reduced", slow / fast, "x", at_least(1000.0));
    const Vector v = minibatch_steps(*reduced, o, o.dense_steps);
    const Vector yes = change.segment(task.policy.yes * o.dimension, o.dimension);
    const Vector no = change.segment(task.policy.no * o.dimension, o.dimension);
    report.line("relative difference of the two heads",
                std::max((yes - v).norm(), (no + v).norm()) / v.norm(), "", at_most(1e-10));
}

}  // namespace

Benchmark engines_benchmark() {
    return {"engines", "", nullptr, "a minibatch step of the reduced engine and of the dense one",
            run};
}

}  // namespace prefdyn::bench
