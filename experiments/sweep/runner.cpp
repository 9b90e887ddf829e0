#include "experiments/sweep/runner.hpp"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <ctime>
#include <exception>
#include <future>
#include <iostream>
#include <mutex>
#include <new>
#include <thread>

#include "experiments/program/output_options.hpp"
#include "experiments/program/parallel.hpp"
#include "experiments/program/progress.hpp"
#include "experiments/program/stop_guard.hpp"
#include "experiments/runs/kept_populations.hpp"
#include "experiments/sweep/folder.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/numerics.hpp"
#include "sim/base/stopwatch.hpp"
#include "theory/registry.hpp"

namespace prefdyn::sweep {

namespace {

void is_short_of_memory(PointRecord& record) {
    record.reason = "out of memory";
    record.again = true;
}

/// Does `work`, which may find that the point cannot be run, or not now.
template <class Work>
void attempt(PointRecord& record, Work work) {
    try {
        work();
    } catch (const InputError& error) {
        record.reason = error.what();
    } catch (const std::bad_alloc&) {
        is_short_of_memory(record);
    }
}

std::vector<std::size_t> open_points(const Spec& spec, const std::string& folder, Shard shard,
                                     SweepCount& count, OutcomeCounter& outcomes) {
    const std::vector<char> finished =
        finished_points(folder, spec, count.damaged, count.origins, [&](const PointRecord& record) {
            if (record.point % shard.count != shard.index - 1) return;
            outcomes.add(record);
            if (record.failed()) ++count.reasons[record.reason];
        });
    std::vector<std::size_t> out;
    for (std::size_t p = shard.index - 1; p < finished.size(); p += shard.count) {
        ++count.points;
        if (finished[p])
            ++count.found;
        else
            out.push_back(p);
    }
    return out;
}

/// The finished points of one shard on their way to the disk, from any thread, and the first
/// failure.
class Results {
  public:
    Results(const Spec& spec, const std::string& folder, std::size_t shard, const RunPlan& plan,
            SweepCount& count, OutcomeCounter& outcomes)
        : spec_(spec),
          folder_(folder),
          shard_(shard),
          plan_(plan),
          count_(count),
          outcomes_(outcomes) {}

    void add(PointRecord record) {
        guarded([&] {
            tally(record);
            outcomes_.add(record);
            pending_.push_back(std::move(record));
            const double now = watch_.seconds();
            const double wait = std::min(kShare * now, plan_.most_publish_seconds);
            if (now - last_ >= std::max(plan_.publish_seconds, wait)) publish();
        });
    }
    void flush() {
        guarded([&] { publish(); });
    }
    void fail(std::exception_ptr failure) {
        const std::lock_guard lock(door_);
        if (!failure_) failure_ = std::move(failure);
    }
    bool failed() {
        const std::lock_guard lock(door_);
        return failure_ != nullptr;
    }
    /// The failure, with what it costs.
    void rethrow() {
        if (!failure_) return;
        try {
            std::rethrow_exception(failure_);
        } catch (const WriteError& error) {
            throw WriteError(std::string(error.what()) + "; " + std::to_string(pending_.size()) +
                                 " finished points are lost with it",
                             "make room, then repeat the call, which goes on from what is written");
        }
    }
    /// Publishes what came meanwhile and lets nothing more happen: calls `overdue` for good.
    void leave() {
        flush();
        const std::lock_guard lock(door_);
        std::string failure;
        try {
            rethrow();
        } catch (const std::exception& error) {
            failure = error.what();
        }
        count_.interrupted = true;
        plan_.overdue(count_, failure);
    }

  private:
    template <class Action>
    void guarded(Action action) {
        const std::lock_guard lock(door_);
        if (failure_) return;
        try {
            action();
        } catch (...) {
            failure_ = std::current_exception();
        }
    }
    void tally(const PointRecord& record) {
        if (record.again) {
            ++count_.again;
            ++count_.machine[record.reason];
            return;
        }
        ++count_.done;
        count_.failed += record.failed() ? 1 : 0;
        if (record.failed()) ++count_.reasons[record.reason];
    }
    /// Whoever has finished a point waits here while the disk takes nothing.
    void publish() {
        if (!pending_.empty()) write();
        pending_.clear();
        last_ = watch_.seconds();
    }
    void write() {
        constexpr std::chrono::milliseconds kBetween(500);
        const Stopwatch waited;
        for (bool said = false;; said = true) {
            try {
                write_segment(new_segment(folder_, shard_), spec_, pending_, plan_.device);
                return count_.origins.add(provenance(plan_.device));
            } catch (const std::exception& error) {
                if (waited.seconds() >= plan_.retry_seconds || cancel_requested()) throw;
                if (!said)
                    std::cerr << "prefdyn: " << error.what() << "; " << pending_.size()
                              << " finished points wait, tried again for " << plan_.retry_seconds
                              << " s\n";
            }
            std::this_thread::sleep_for(kBetween);
        }
    }

    static constexpr double kShare = 0.01;
    const Spec& spec_;
    const std::string& folder_;
    std::size_t shard_;
    const RunPlan& plan_;
    SweepCount& count_;
    OutcomeCounter& outcomes_;
    std::vector<PointRecord> pending_;
    Stopwatch watch_;
    double last_ = 0.0;
    std::mutex door_;
    std::exception_ptr failure_;
};

void add(Results& results, Progress& progress, std::vector<PointRecord> records) {
    for (PointRecord& record : records) {
        results.add(std::move(record));
        progress.advance();
    }
}

/// Does `work`; false if a stop was requested or something failed, which `results` then know.
template <class Work>
bool finishes(Results& results, Work work) {
    try {
        work();
        return true;
    } catch (const Interrupted&) {
    } catch (...) {
        results.fail(std::current_exception());
    }
    return false;
}

/// Takes the next point until there are none, or a stop is requested, or something fails.
void work(const PointRunner& run, std::span<const std::size_t> todo, std::atomic<std::size_t>& next,
          Results& results, Progress& progress) {
    const bool all = finishes(results, [&] {
        for (std::size_t k = next++; k < todo.size() && !cancel_requested() && !results.failed();
             k = next++)
            add(results, progress, run(todo.subspan(k, 1)));
    });
    if (!all) next = todo.size();
}

/// While one group trains, the one before it is finished and the next one made.
void work_in_groups(const PointRunner& run, std::span<const std::size_t> todo, std::size_t group,
                    Results& results, Progress& progress) {
    const int threads = omp_get_max_threads();
    const auto made = [&](std::size_t k) {
        if (k >= todo.size()) return PointGroup();
        return run.make(todo.subspan(k, std::min(group, todo.size() - k)));
    };
    finishes(results, [&] {
        PointGroup last, now = made(0);
        for (std::size_t k = group;
             !now.records.empty() && !cancel_requested() && !results.failed(); k += group) {
            auto training = std::async(std::launch::async, [&] {
                omp_set_num_threads(threads);
                now.train();
            });
            add(results, progress, run.finish(std::move(last)));
            PointGroup after = made(k);
            training.get();
            last = std::move(now);
            now = std::move(after);
        }
        add(results, progress, run.finish(std::move(last)));
    });
}

/// Of the calling thread alone: other work on the machine does not count.
double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// One OpenMP thread while it lives.
class OneThread {
  public:
    OneThread() { omp_set_num_threads(1); }
    ~OneThread() { omp_set_num_threads(before_); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

  private:
    int before_ = omp_get_max_threads();
};

/// Seconds of processor time that `work` takes; what is short is repeated.
template <class Work>
double time_of(Work work) {
    constexpr double kLeast = 0.02;
    const double begin = thread_seconds();
    for (double times = 1.0;; ++times) {
        work();
        if (const double all = thread_seconds() - begin; all >= kLeast) return all / times;
    }
}

/// The k-th point to try: any first few of them are spread evenly, in step with no axis.
std::size_t tried_point(std::size_t k, std::size_t size) {
    constexpr double kGolden = 0.6180339887498949;
    double share = 0.5 + static_cast<double>(k) * kGolden;
    share -= std::floor(share);
    return std::min(size - 1, static_cast<std::size_t>(share * static_cast<double>(size)));
}

}  // namespace

Shard parse_shard(const std::string& text) {
    Shard out;
    const std::string_view all = text;
    const auto slash = all.find('/');
    if (slash == all.npos || !parse_number(all.substr(0, slash), out.index) ||
        !parse_number(all.substr(slash + 1), out.count) || out.index < 1 || out.index > out.count)
        throw InputError("shard: '" + text + "' is not I/N with 1 <= I <= N",
                         "--shard 3/64 is the third of 64");
    return out;
}

PointRunner::PointRunner(const Spec& spec, Device device)
    : spec_(spec),
      device_(device),
      unit_(design_matrix(spec)),
      claims_(spec.selected_claims()),
      length_(spec.row_length()) {
    // Before any point is: what changed since the sweep began is no failure of a point.
    for (const std::string& population : spec.given("population")) population_of(population);
}

std::unique_ptr<Model> PointRunner::prepare(std::size_t point) const {
    auto model = spec_.experiment->make();
    set_point(spec_, unit_, point, model->table());
    model->look_at(theory::kept_for(claims_));
    if (spec_.kept) model->keep(*spec_.kept);
    return model;
}

double PointRunner::bytes(std::size_t point) const try {
    return prepare(point)->bytes();
} catch (const InputError&) {
    return 0.0;
}

PointGroup PointRunner::make(std::span<const std::size_t> points) const {
    PointGroup out;
    out.records.resize(points.size());
    out.models.resize(points.size());
    std::vector<std::optional<TrainJob>> jobs(points.size());
    parallel_for(points.size(), [&](std::size_t k) {
        out.records[k].point = points[k];
        attempt(out.records[k], [&] {
            out.models[k] = prepare(points[k]);
            jobs[k].emplace(out.models[k]->begin(device_));
        });
    });
    for (std::size_t k = 0; k < points.size(); ++k)
        if (jobs[k]) {
            out.jobs.push_back(*jobs[k]);
            out.owner.push_back(k);
        }
    return out;
}

std::vector<PointRecord> PointRunner::finish(PointGroup group) const {
    parallel_for(group.jobs.size(), [&](std::size_t r) {
        PointRecord& record = group.records[group.owner[r]];
        const std::unique_ptr<Model> model = std::move(group.models[group.owner[r]]);
        attempt(record, [&] {
            PointResult result = model->finish(std::move(group.trained[r]), claims_, spec_.records);
            record.run_id = std::move(result.run_id);
            record.values = std::move(result.values);
        });
    });
    for (PointRecord& record : group.records)
        if (record.failed()) record.values.assign(length_, kNan);
    return std::move(group.records);
}

std::vector<PointRecord> PointRunner::operator()(std::span<const std::size_t> points) const {
    PointGroup group = make(points);
    try {
        group.train();
    } catch (const std::bad_alloc&) {
        for (const std::size_t k : group.owner) is_short_of_memory(group.records[k]);
        group.jobs.clear();
    }
    return finish(std::move(group));
}

SweepCount run_shard(const Spec& spec, const std::string& folder, Shard shard,
                     const RunPlan& plan) {
    SweepCount count;
    OutcomeCounter outcomes(spec);
    const std::vector<std::size_t> todo = open_points(spec, folder, shard, count, outcomes);
    const PointRunner run(spec, plan.device);
    constexpr double kAtOnce = 3.0;  // groups
    const std::size_t group = plan.group > 0 ? plan.group
                              : todo.empty()
                                  ? 1
                                  : jobs_at_a_time(kAtOnce * run.bytes(todo.front()), plan.device);
    Results results(spec, folder, shard.index, plan, count, outcomes);
    Progress progress("points", todo.size());
    {
        const StopGuard guard([&] { results.flush(); },
                              [&] {
                                  if (plan.overdue) results.leave();
                              });
        std::atomic<std::size_t> next{0};
        if (group > 1)
            work_in_groups(run, todo, group, results, progress);
        else
#pragma omp parallel
            work(run, todo, next, results, progress);
    }
    results.flush();
    results.rethrow();
    count.interrupted = cancel_requested() && count.found + count.done + count.again < count.points;
    count.claims = outcomes.take();
    count.eta = outcomes.eta();
    return count;
}

SweepEstimate estimate(const Spec& spec, Device device, double seconds) {
    constexpr std::size_t kMost = 16;
    SweepEstimate out;
    out.output_bytes = 8 * spec.row_length();
    const PointRunner run(spec, device);
    OutcomeCounter outcomes(spec);
    const OneThread one;
    const Stopwatch watch;
    double sum = 0.0;
    for (std::size_t k = 0; k < std::min(spec.size(), kMost); ++k) {
        const std::size_t point = tried_point(k, spec.size());
        const double bytes = run.bytes(point);
        if (bytes == 0.0) continue;  // the sweep will say so of this point
        out.bytes_a_point = std::max(out.bytes_a_point, bytes);
        std::vector<PointRecord> records;
        const auto once = [&] { records = run({&point, 1}); };
        double cost = time_of(once);
        if (k == 0 && watch.seconds() < 0.5 * seconds) cost = time_of(once);  // that warmed up
        for (const PointRecord& record : records) outcomes.add(record);
        sum += cost;
        ++out.tried;
        if (watch.seconds() >= seconds) break;
    }
    out.eta = outcomes.eta();
    out.seconds_a_point = sum / static_cast<double>(std::max<std::size_t>(out.tried, 1));
    return out;
}

}  // namespace prefdyn::sweep
