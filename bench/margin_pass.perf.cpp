// Margins and gradient in one pass over G, beside what the memory gives at most.

#include <omp.h>

#include "bench/bench.hpp"
#include "experiments/runs/run_config.hpp"
#include "sim/head/margin_kernel.hpp"

namespace prefdyn::bench {

namespace {

/// Reads every element once: what the memory gives at most.
double read_all(const RowMatrix& x) {
    double total = 0.0;
#pragma omp parallel for schedule(static) reduction(+ : total)
    for (Index i = 0; i < x.rows(); ++i) total += x.row(i).sum();
    return total;
}

void run(Report& report, const BenchOptions& o) {
    const int cores = omp_get_max_threads();
    FeatureSpec spec = plain_features(o.large_samples, o.dimension, 1.0);
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
    report.line("G", bytes / (1 << 30), "GiB");
    report.line("measured read bandwidth", bytes / read * 1e-9, "GB/s",
                std::to_string(cores) + " threads");
    report.line("full-batch step", bytes / all * 1e-9, "GB/s",
                "margins and gradient in one pass over G");
    report.line("full-batch step / read bandwidth", read / all, "", at_least(0.7));
    report.line("speed-up over one thread", one / all, "x", cores == 2 ? at_least(1.8) : Goal{});
}

}  // namespace

Benchmark margin_pass_benchmark() {
    return {"margin_pass", "", nullptr, "a full-batch step beside the read bandwidth of the memory",
            run};
}

}  // namespace prefdyn::bench
