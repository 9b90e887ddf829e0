#include "experiments/sweep/runner.hpp"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <exception>
#include <limits>
#include <mutex>
#include <new>

#include "experiments/output_options.hpp"
#include "experiments/parallel.hpp"
#include "experiments/progress.hpp"
#include "experiments/sweep/folder.hpp"
#include "sim/cancel.hpp"

namespace prefdyn::sweep {

Shard parse_shard(const std::string& text) {
    Shard out;
    const auto slash = text.find('/');
    const auto read = [](std::string_view part, std::size_t& value) {
        const auto got = std::from_chars(part.data(), part.data() + part.size(), value);
        return got.ec == std::errc() && got.ptr == part.data() + part.size();
    };
    const std::string_view all = text;
    if (slash == std::string::npos || !read(all.substr(0, slash), out.index) ||
        !read(all.substr(slash + 1), out.count) || out.index < 1 || out.index > out.count)
        throw InputError("shard: '" + text + "' is not I/N with 1 <= I <= N",
                         "--shard 3/64 is the third of 64");
    return out;
}

PointRunner::PointRunner(const Spec& spec)
    : spec_(spec),
      unit_(design_matrix(spec)),
      claims_(spec.selected_claims()),
      length_(row_length(spec.columns(), spec.records)) {}

std::unique_ptr<Model> PointRunner::prepare(std::size_t point) const {
    auto model = spec_.experiment->make();
    set_point(spec_, unit_, point, model->table());
    return model;
}

double PointRunner::bytes(std::size_t point) const try {
    return prepare(point)->bytes();
} catch (const InputError&) {
    return 0.0;
}

namespace {

/// Does `work`, which may find that the point cannot be run; returns whether it can.
template <class Work>
bool attempt(PointRecord& record, Work work) {
    try {
        work();
        return true;
    } catch (const InputError& error) {
        record.reason = error.what();
    } catch (const std::bad_alloc&) {
        record.reason = "out of memory";
    }
    return false;
}

}  // namespace

std::vector<PointRecord> PointRunner::operator()(std::span<const std::size_t> points) const {
    std::vector<PointRecord> out(points.size());
    std::vector<std::unique_ptr<Model>> models(points.size());
    std::vector<std::optional<TrainJob>> jobs(points.size());
    parallel_for(points.size(), [&](std::size_t k) {
        out[k].point = points[k];
        attempt(out[k], [&] {
            models[k] = prepare(points[k]);
            jobs[k].emplace(models[k]->begin());
        });
    });
    std::vector<TrainJob> ready;
    std::vector<std::size_t> owner;
    for (std::size_t k = 0; k < points.size(); ++k)
        if (jobs[k]) {
            ready.push_back(*jobs[k]);
            owner.push_back(k);
        }
    std::vector<Trajectory> trained = train_all(ready);
    parallel_for(ready.size(), [&](std::size_t r) {
        PointRecord& record = out[owner[r]];
        attempt(record, [&] {
            PointResult result =
                models[owner[r]]->finish(std::move(trained[r]), claims_, spec_.records);
            record.run_id = std::move(result.run_id);
            record.values = std::move(result.values);
        });
    });
    for (PointRecord& record : out)
        if (record.failed())
            record.values.assign(length_, std::numeric_limits<double>::quiet_NaN());
    return out;
}

namespace {

/// Finished points on their way to the disk. One thread at a time.
class Publisher {
  public:
    Publisher(const Spec& spec, std::string folder, std::size_t shard)
        : spec_(spec), folder_(std::move(folder)), shard_(shard) {}

    void add(PointRecord record) {
        pending_.push_back(std::move(record));
        const double now = watch_.seconds();
        if (now - last_ >= std::max(kLeastSeconds, kShare * now)) flush();
    }
    void flush() {
        if (!pending_.empty()) write_segment(new_segment(folder_, shard_), spec_, pending_);
        pending_.clear();
        last_ = watch_.seconds();
    }

  private:
    static constexpr double kLeastSeconds = 2.0, kShare = 0.01;
    const Spec& spec_;
    std::string folder_;
    std::size_t shard_;
    std::vector<PointRecord> pending_;
    Stopwatch watch_;
    double last_ = 0.0;
};

std::vector<std::size_t> open_points(const Spec& spec, const std::string& folder, Shard shard,
                                     SweepCount& count) {
    const std::vector<char> finished = finished_points(folder, spec, count.damaged);
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

}  // namespace

SweepCount run_shard(const Spec& spec, const std::string& folder, Shard shard) {
    SweepCount count;
    const std::vector<std::size_t> todo = open_points(spec, folder, shard, count);
    const PointRunner run(spec);
    const std::size_t group = todo.empty() ? 1 : jobs_at_a_time(run.bytes(todo.front()));
    Publisher publisher(spec, folder, shard.index);
    Progress progress("points", todo.size());
    std::atomic<std::size_t> next{0};
    std::mutex door;
    std::exception_ptr failure;
    const auto finish = [&](PointRecord record) {
        const std::lock_guard lock(door);
        if (failure) return;
        ++count.done;
        count.failed += record.failed() ? 1 : 0;
        publisher.add(std::move(record));
    };
#pragma omp parallel if (group == 1)
    try {
        for (std::size_t k = next.fetch_add(group); k < todo.size() && !cancel_requested();
             k = next.fetch_add(group)) {
            const std::size_t count = std::min(group, todo.size() - k);
            for (PointRecord& record : run(std::span(todo).subspan(k, count))) {
                finish(std::move(record));
                progress.advance();
            }
        }
    } catch (const Interrupted&) {
        next = todo.size();
    } catch (...) {
        const std::lock_guard lock(door);
        if (!failure) failure = std::current_exception();
        next = todo.size();
    }
    if (failure) std::rethrow_exception(failure);
    publisher.flush();
    count.interrupted = cancel_requested() && count.found + count.done < count.points;
    return count;
}

SweepEstimate estimate(const Spec& spec, double seconds) {
    constexpr std::size_t kMost = 8;
    SweepEstimate out;
    out.output_bytes = 8 * row_length(spec.columns(), spec.records);
    const PointRunner run(spec);
    const std::size_t size = spec.size(), tries = std::min(size, kMost);
    const Stopwatch watch;
    for (std::size_t k = 0; k < tries && watch.seconds() < seconds; ++k) {
        const std::size_t point = tries == 1 ? 0 : k * (size - 1) / (tries - 1);
        const double bytes = run.bytes(point);
        if (bytes == 0.0) continue;  // the sweep will say so of this point
        out.bytes_a_point = std::max(out.bytes_a_point, bytes);
        run({&point, 1});
        ++out.tried;
    }
    out.seconds_a_point =
        watch.seconds() / static_cast<double>(std::max<std::size_t>(out.tried, 1));
    return out;
}

}  // namespace prefdyn::sweep
