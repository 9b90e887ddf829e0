#include "sim/head/trainer.hpp"

#include <algorithm>
#include <exception>
#include <memory>

#include "sim/base/cancel.hpp"
#include "sim/head/gradient_flow.hpp"
#include "sim/head/head_device.hpp"
#include "sim/head/optimizer.hpp"
#include "sim/head/recorder.hpp"

namespace prefdyn {

namespace {

std::vector<Index> full_schedule(const TrainSpec& spec) {
    auto steps = record_steps(spec.steps, spec.records, spec.spacing);
    for (const Index step : spec.record_also)
        if (step < spec.steps) steps.push_back(step);
    std::sort(steps.begin(), steps.end());
    steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
    return steps;
}

/// What a discrete run needs besides its engine.
struct Discrete {
    explicit Discrete(const TrainJob& job)
        : n(job.engine.data(Split::kTrain).samples()),
          full(job.spec.method == Method::kGradientDescent || job.spec.batch == 0 ||
               job.spec.batch >= n),
          adam(job.spec.method == Method::kAdam),
          schedule(full_schedule(job.spec)),
          sampler(n, full ? n : job.spec.batch, job.spec.sampling, job.seed) {}

    double epochs(Index steps) const {
        const Index rows = full ? steps * n : sampler.rows_after(steps);
        return static_cast<double>(rows) / static_cast<double>(n);
    }
    bool record(Recorder& recorder, const TrainJob& job, const Vector& theta, Index step) const {
        const auto k = static_cast<double>(step);
        Passage since{.updates = k - recorder.last_step(), .follows_gradient = full && !adam};
        return recorder.record(theta, k, job.spec.eta * k, epochs(step), since);
    }

    Index n;
    bool full;  ///< every update sees all rows
    bool adam;
    std::vector<Index> schedule;
    BatchSampler sampler;
};

Trajectory train_discrete(const TrainJob& job, Discrete& run) {
    Optimizer optimizer(job.spec.eta, run.adam);
    Recorder recorder(job.engine, job.loss, job.spec.keep);
    Vector theta = job.engine.initial(), direction;
    auto next = run.schedule.begin();
    for (Index step = 0;; ++step) {
        if (step == *next) {
            if (!run.record(recorder, job, theta, step))
                return recorder.finish(StopReason::kDiverged, std::move(theta));
            ++next;
        }
        if (step == job.spec.steps)
            return recorder.finish(StopReason::kCompleted, std::move(theta));
        if (cancel_requested()) return recorder.finish(StopReason::kInterrupted, std::move(theta));
        const std::span<const Index> rows =
            run.full ? std::span<const Index>() : run.sampler.next();
        job.engine.descend(theta, rows, direction);
        optimizer.step(theta, direction);
        if (job.spec.told) job.spec.told(step + 1);
    }
}

/// Records along a path that a device has followed.
Trajectory record_path(const TrainJob& job, const Discrete& run, const HeadPath& path) {
    Recorder recorder(job.engine, job.loss, job.spec.keep);
    Vector theta = job.engine.initial();
    for (std::size_t k = 0; k < path.stops.size(); ++k) {
        if (path.stops[k] > path.reached)
            return recorder.finish(StopReason::kInterrupted, std::move(theta));
        theta = path.theta.col(static_cast<Index>(k));
        if (!run.record(recorder, job, theta, path.stops[k]))
            return recorder.finish(StopReason::kDiverged, std::move(theta));
    }
    return recorder.finish(StopReason::kCompleted, std::move(theta));
}

}  // namespace

std::vector<Trajectory> train_all(std::span<const TrainJob> jobs) {
    std::vector<Trajectory> out(jobs.size());
    std::vector<std::unique_ptr<Discrete>> runs(jobs.size());
    std::vector<HeadPath> paths;
    std::vector<std::size_t> owner;  // of a path
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        if (jobs[j].spec.method == Method::kFlow) continue;
        runs[j] = std::make_unique<Discrete>(jobs[j]);
        if (!jobs[j].engine.device()) continue;
        paths.push_back({jobs[j].engine.device(), runs[j]->adam, jobs[j].spec.eta,
                         runs[j]->schedule, runs[j]->full ? nullptr : &runs[j]->sampler});
        owner.push_back(j);
    }
    follow(paths);
    std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic)
    for (std::size_t p = 0; p < paths.size(); ++p) try {
            out[owner[p]] = record_path(jobs[owner[p]], *runs[owner[p]], paths[p]);
        } catch (...) {
#pragma omp critical(prefdyn_trainer_failure)
            failure = std::current_exception();
        }
    if (failure) std::rethrow_exception(failure);
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        if (!runs[j])
            out[j] = integrate_flow(jobs[j].engine, jobs[j].loss, jobs[j].spec);
        else if (!jobs[j].engine.device())
            out[j] = train_discrete(jobs[j], *runs[j]);
    }
    return out;
}

std::size_t jobs_at_a_time(double bytes, Device device) {
    if (device == Device::kCpu) return 1;
    constexpr double kMost = 4096.0, kBytes = 4e9;
    return static_cast<std::size_t>(std::clamp(kBytes / std::max(bytes, 1.0), 1.0, kMost));
}

Trajectory train(const PolicyEngine& engine, const PreferenceLoss& loss, const TrainSpec& spec,
                 std::uint64_t seed) {
    const TrainJob job{engine, loss, spec, seed};
    return std::move(train_all({&job, 1}).front());
}

}  // namespace prefdyn
