#include "bench/bench_command.hpp"

#include <omp.h>

#include <algorithm>

#include "bench/bench_finetune.hpp"
#include "bench/bench_heads.hpp"
#include "bench/bench_line.hpp"
#include "bench/bench_support.hpp"
#include "bench/bench_transformer.hpp"
#include "sim/base/cancel.hpp"
#include "sim/data/batches.hpp"
#include "sim/data/mixture.hpp"
#include "sim/head/margin_kernel.hpp"
#include "sim/head/optimizer.hpp"
#include "sim/head/trainer.hpp"

namespace prefdyn {

namespace {

PreferenceTask last_layer_task(const BenchOptions& o) {
    FeatureSpec spec;
    spec.samples = o.samples;
    spec.dimension = o.dimension;
    spec.distinguishability = 2.0;
    PreferenceTask task;
    task.train = FeatureDistribution(spec, 1).sample(1, false, o.device);
    task.loss = make_loss("sigmoid");
    task.device = o.device;
    task.policy.vocabulary = o.vocabulary;
    task.policy.beta = 0.01;
    task.policy.reference = gaussian_head(o.vocabulary, o.dimension, 1.0, 1);
    return task;
}

/// `steps` minibatch updates without recording; returns theta - theta_0.
Vector minibatch_steps(const PolicyEngine& engine, const BenchOptions& o, Index steps) {
    const Index n = engine.data(Split::kTrain).samples();
    BatchSampler sampler(n, std::min(o.batch, n), Sampling::kFresh, 1);
    const auto optimizer = make_descent(0.1);
    const Vector start = engine.initial();
    Vector theta = start, direction;
    for (Index k = 0; k < steps; ++k) {
        engine.descent(theta, sampler.next(), direction);
        optimizer->step(theta, direction);
    }
    return theta - start;
}

void bench_engines(std::ostream& out, const BenchOptions& o) {
    const PreferenceTask task = last_layer_task(o);
    std::unique_ptr<PolicyEngine> reduced;
    const double reference =
        best_seconds(1, [&] { reduced = make_engine(EngineKind::kReduced, task); });
    line(out, "reference pass, once", reference, "s", "log-probabilities of W_0 at every prompt");
    TrainSpec spec;
    spec.method = Method::kSgd;
    spec.batch = std::min(o.batch, o.samples);
    spec.sampling = Sampling::kFresh;
    spec.steps = o.steps;
    spec.records = o.steps + 1;
    const double recorded = best_seconds(3, [&] { train(*reduced, *task.loss, spec, 1); });
    line(out, "reduced engine, all steps, each one recorded", recorded, "s", "goal: < 1 s for 100");
    const double fast = best_seconds(3, [&] { minibatch_steps(*reduced, o, o.steps); }) /
                        static_cast<double>(o.steps);
    line(out, "reduced engine, one step", 1e3 * fast, "ms");

    const auto dense = make_engine(EngineKind::kDense, task);
    Vector change;
    const double slow =
        best_seconds(1, [&] { change = minibatch_steps(*dense, o, o.dense_steps); }) /
        static_cast<double>(o.dense_steps);
    line(out, "dense engine, one step", 1e3 * slow, "ms");
    line(out, "dense / reduced", slow / fast, "x", "goal: >= 1000");
    const Vector v = minibatch_steps(*reduced, o, o.dense_steps);
    const Vector yes = change.segment(task.policy.yes * o.dimension, o.dimension);
    const Vector no = change.segment(task.policy.no * o.dimension, o.dimension);
    line(out, "relative difference of the two heads",
         std::max((yes - v).norm(), (no + v).norm()) / v.norm(), "", "goal: <= 1e-10");
}

/// Reads every element once: what the memory gives at most.
double read_all(const RowMatrix& x) {
    double total = 0.0;
#pragma omp parallel for schedule(static) reduction(+ : total)
    for (Index i = 0; i < x.rows(); ++i) total += x.row(i).sum();
    return total;
}

void bench_pass(std::ostream& out, const BenchOptions& o) {
    const int cores = omp_get_max_threads();
    FeatureSpec spec;
    spec.samples = o.large_samples;
    spec.dimension = o.dimension;
    spec.noise.tails = Tails::kUniform;
    const Dataset data = FeatureDistribution(spec, 1).sample(1, false, o.device);
    const auto loss = make_margin_loss({});
    const MarginPass pass{data.features, data.label, *loss, 0.1, {}};
    const Vector v = Vector::Ones(o.dimension) * 1e-3;
    Vector direction;
    volatile double sink = 0.0;
    const double bytes = static_cast<double>(data.features.size()) * sizeof(double);
    const double read = best_seconds(5, [&] { sink = read_all(data.features); });
    const double all = best_seconds(5, [&] { sink = margin_pass(pass, v, direction, nullptr); });
    omp_set_num_threads(1);
    const double one = best_seconds(5, [&] { sink = margin_pass(pass, v, direction, nullptr); });
    omp_set_num_threads(cores);
    line(out, "G", bytes / (1 << 30), "GiB");
    line(out, "measured read bandwidth", bytes / read * 1e-9, "GB/s",
         std::to_string(cores) + " threads");
    line(out, "full-batch step", bytes / all * 1e-9, "GB/s",
         "margins and gradient in one pass over G");
    line(out, "full-batch step / read bandwidth", read / all, "", "goal: >= 0.70");
    line(out, "speed-up over one thread", one / all, "x", "goal: >= 1.8 on two threads");
}

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

void bench_mixture(std::ostream& out, const BenchOptions& o) {
    forget_peak();
    PreferenceTask task;
    task.loss = make_loss("sigmoid");
    task.device = o.device;
    const double sampling = best_seconds(1, [&] {
        task.train = MixtureDistribution(large_mixture(o), 1).sample(1, false, o.device);
    });
    task.held_out.features.resize(0, o.dimension);
    line(out, "mixture, sampled", sampling, "s",
         std::to_string(o.behaviours) + " behaviours, " + std::to_string(o.mixture_samples) +
             " x " + std::to_string(o.dimension));
    std::unique_ptr<PolicyEngine> engine;
    const double copy =
        best_seconds(1, [&] { engine = make_engine(EngineKind::kReducedF32, task); });
    line(out, "copy in single precision", copy, "s");
    TrainSpec spec;
    spec.eta = 0.1;
    spec.steps = o.mixture_steps;
    spec.records = 5;
    Trajectory run;
    const double training = best_seconds(1, [&] { run = train(*engine, *task.loss, spec, 1); });
    line(out, "all full-batch steps", training, "s", std::to_string(o.mixture_steps) + " steps");
    line(out, "loss after them", run.records.back().train.loss, "nats");
    line(out, "altogether", sampling + copy + training, "s", "goal: < 60 s on two cores");
    line(out, "peak resident memory", peak_resident_mib() / 1024.0, "GiB", "goal: < 4");
}

/// A table that an option asks for.
struct Part {
    bool asked;
    const char* title;
    void (*run)(std::ostream&, const BenchOptions&);
};

}  // namespace

int bench_command(const std::vector<std::string>& arguments, std::ostream& out) {
    BenchOptions options;
    ParameterTable table;
    declare(table, options);
    table.parse(arguments);
    options.device = apply(options.machine);
    const std::vector<Part> parts = {{options.many_heads, "heads", bench_heads},
                                     {options.mixture, "mixture", bench_mixture},
                                     {options.transformer, "embedding", bench_transformer},
                                     {options.finetune, "training", bench_finetune}};
    const auto asked = std::ranges::count_if(parts, &Part::asked);
    for (const Part& part : parts) {
        if (!part.asked) continue;
        if (asked > 1) out << "-- " << part.title << "\n";
        part.run(out, options);
    }
    if (asked > 0) return 0;
    bench_pass(out, options);
    bench_engines(out, options);
    return 0;
}

}  // namespace prefdyn
