// A mixture of many behaviours on features kept in single precision, from sampling to the last
// step.

#include "sim/data/mixture.hpp"

#include "bench/bench.hpp"
#include "experiments/program/usage.hpp"
#include "experiments/runs/run_config.hpp"
#include "sim/head/trainer.hpp"

namespace prefdyn::bench {

namespace {

MixtureSpec large_mixture(const BenchOptions& o) {
    MixtureSpec spec;
    spec.samples = o.mixture_samples;
    spec.dimension = o.dimension;
    spec.gram = equiangular_gram(Vector::LinSpaced(o.behaviours, 1.0, 4.0), 80.0);
    BehaviourSpec each;
    each.weight = 1.0 / static_cast<double>(o.behaviours);
    spec.behaviours.assign(static_cast<std::size_t>(o.behaviours), each);
    return spec;
}

void run(Report& report, const BenchOptions& o) {
    forget_peak();
    PreferenceTask task;
    const double sampling = best_seconds(1, [&] {
        task = plain_task(MixtureDistribution(large_mixture(o), 1).sample(1, false, o.device),
                          make_loss("sigmoid"), 0.1, o.device);
    });
    report.line("mixture, sampled", sampling, "s",
                std::to_string(o.behaviours) + " behaviours, " + std::to_string(o.mixture_samples) +
                    " x " + std::to_string(o.dimension));
    std::unique_ptr<PolicyEngine> engine;
    const double copy =
        best_seconds(1, [&] { engine = make_engine(EngineKind::kReducedF32, task); });
    report.line("copy in single precision", copy, "s");
    const TrainSpec spec = {.eta = 0.1, .steps = o.mixture_steps, .records = 5};
    Trajectory run;
    const double training = best_seconds(1, [&] { run = train(*engine, *task.loss, spec, 1); });
    report.line("all full-batch steps", training, "s", std::to_string(o.mixture_steps) + " steps");
    report.line("loss after them", run.records.back().train.loss, "nats");
    report.line("altogether", sampling + copy + training, "s", at_most(60.0), "on two cores");
    report.line("peak resident memory", peak_resident_mib() / 1024.0, "GiB", at_most(4.0));
}

}  // namespace

Benchmark mixture_benchmark() {
    return {"mixture", "--mixture", &BenchOptions::mixture,
            "a large mixture on the single-precision engine", run};
}

}  // namespace prefdyn::bench
