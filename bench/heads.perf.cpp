// Full-batch steps on a large matrix, and many small heads trained together.

#include "bench/bench.hpp"
#include "experiments/program/parallel.hpp"
#include "experiments/runs/run_config.hpp"
#include "sim/data/distribution.hpp"
#include "sim/head/trainer.hpp"

namespace prefdyn::bench {

namespace {

PreferenceTask large_task(const BenchOptions& o) {
    FeatureSpec spec = plain_features(o.large_samples, o.dimension, 1.0);
    spec.noise.tails = Tails::kUniform;
    return plain_task(FeatureDistribution(spec, 1).sample(1, false, o.device), make_loss("sigmoid"),
                      0.1, o.device);
}

/// Seconds of one of many updates: two runs of different length have all else in common.
double step_seconds(const PolicyEngine& engine, const PreferenceLoss& loss, Index steps) {
    const auto seconds = [&](Index count) {
        const TrainSpec spec = {.eta = 1e-3, .steps = count, .records = 2};
        return best_seconds(3, [&] { train(engine, loss, spec, 1); });
    };
    const double few = seconds(steps / 10);
    return (seconds(steps) - few) / static_cast<double>(steps - steps / 10);
}

void time_large(Report& report, const BenchOptions& o) {
    const bool card = o.device == Device::kCuda;
    const double copy = card ? gpu_copy_bandwidth() : 0.0;
    if (card) report.line("copy bandwidth", copy * 1e-9, "GB/s", "bytes read and written");
    const PreferenceTask task = large_task(o);
    for (const EngineKind kind : {EngineKind::kReducedF32, EngineKind::kReduced}) {
        const bool single = kind == EngineKind::kReducedF32;
        const std::string name = single ? "float" : "double";
        const double bytes = static_cast<double>(task.train.features.size()) * (single ? 4.0 : 8.0);
        const auto engine = make_engine(kind, task);
        const double rate = bytes / step_seconds(*engine, *task.loss, o.heads_steps);
        report.line("G in " + name, bytes / (1 << 30), "GiB");
        report.line("full-batch step, " + name, rate * 1e-9, "GB/s");
        if (card)
            report.line("full-batch step, " + name + " / copy bandwidth", rate / copy, "",
                        at_least(0.8));
    }
}

/// One group's heads; the sampling is not what is measured.
class Group {
  public:
    Group(Index runs, Device device) {
        const FeatureSpec spec = plain_features(200, 64, 2.0);
        tasks_.resize(static_cast<std::size_t>(runs));
        parallel_for(tasks_.size(), [&](std::size_t k) {
            tasks_[k] = plain_task(FeatureDistribution(spec, 1).sample(k), make_loss("sigmoid"),
                                   0.1, device);
        });
    }

    /// Seconds from features in host memory to the recorded trajectories.
    double seconds() const {
        const TrainSpec spec = {.eta = 0.1, .steps = 500, .records = 2};
        const Stopwatch watch;
        std::vector<std::unique_ptr<PolicyEngine>> engines(tasks_.size());
        std::vector<TrainJob> jobs;
        parallel_for(tasks_.size(), [&](std::size_t k) {
            engines[k] = make_engine(EngineKind::kReduced, tasks_[k]);
        });
        for (std::size_t k = 0; k < tasks_.size(); ++k)
            jobs.push_back({*engines[k], *tasks_[k].loss, spec, k});
        train_all(jobs);
        return watch.seconds();
    }

  private:
    std::vector<PreferenceTask> tasks_;
};

void time_many(Report& report, const BenchOptions& o) {
    const Index group = std::min<Index>(o.heads, 4096);
    const Group heads(group, o.device);
    heads.seconds();
    double total = 0.0;
    for (Index done = 0; done < o.heads; done += group) {
        stop_if_requested();
        total += heads.seconds();
    }
    const double groups = static_cast<double>((o.heads + group - 1) / group);
    const double each = total / (groups * static_cast<double>(group));
    report.line("one of " + std::to_string(o.heads) + " heads (200, 64), 500 steps", 1e6 * each,
                "us");
    report.line("100000 of them", 1e5 * each, "s",
                o.device == Device::kCuda ? at_most(10.0) : Goal{});
}

void run(Report& report, const BenchOptions& o) {
    report.out() << "device: " << (o.device == Device::kCuda ? probe_gpu().info.name : "processor")
                 << "\n";
    time_large(report, o);
    time_many(report, o);
}

}  // namespace

Benchmark heads_benchmark() {
    return {"heads", "--many-heads", &BenchOptions::many_heads,
            "full-batch steps on a large matrix, many small heads trained together", run};
}

}  // namespace prefdyn::bench
