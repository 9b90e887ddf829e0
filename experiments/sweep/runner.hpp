#pragma once
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "experiments/sweep/model.hpp"
#include "experiments/sweep/origins.hpp"
#include "experiments/sweep/outcomes.hpp"
#include "experiments/sweep/segment.hpp"

namespace prefdyn::sweep {

/// Every count-th point from point index - 1 on; index in [1, count].
struct Shard {
    std::size_t index = 1, count = 1;
};

/// "3/64". Throws InputError unless 1 <= index <= count.
Shard parse_shard(const std::string& text);

struct SweepCount {
    std::size_t points = 0;  ///< of the shard
    std::size_t found = 0;   ///< finished before
    std::size_t done = 0;    ///< finished now
    std::size_t failed = 0;  ///< of these
    std::size_t again = 0;   ///< the machine failed: the next call computes them
    bool interrupted = false;
    std::map<std::string, std::size_t> reasons;  ///< of all failed points of the shard, with counts
    std::map<std::string, std::size_t> machine;  ///< why points are to be computed again
    std::vector<std::string> damaged;            ///< segments that could not be read
    Origins origins;                             ///< of all others, this call's too
    std::vector<ClaimOutcomes> claims;           ///< of the shard's finished points
    EtaRange eta;                                ///< of these
};

/// Points on their way: made, trained together, finished. Uses the OpenMP threads unless it is
/// called by one of them; throws Interrupted.
struct PointGroup {
    std::vector<PointRecord> records;  ///< of what cannot be run: failed
    std::vector<std::unique_ptr<Model>> models;
    std::vector<TrainJob> jobs;
    std::vector<std::size_t> owner;  ///< of a job
    std::vector<Trajectory> trained;

    void train() { trained = train_all(jobs); }
};

/// Runs points of one sweep, which must outlive it; any number of threads at a time.
class PointRunner {
  public:
    PointRunner(const Spec& spec, Device device);
    /// About what the point holds in memory while it runs; 0 if it cannot be run.
    double bytes(std::size_t point) const;
    PointGroup make(std::span<const std::size_t> points) const;
    /// Of a trained group, in the order of its points.
    std::vector<PointRecord> finish(PointGroup group) const;
    std::vector<PointRecord> operator()(std::span<const std::size_t> points) const;

  private:
    std::unique_ptr<Model> prepare(std::size_t point) const;
    const Spec& spec_;
    Device device_;
    RowMatrix unit_;
    std::vector<theory::Claim> claims_;
    std::size_t length_;  ///< of a row
};

/// How a sweep runs, none of which its numbers depend on.
struct RunPlan {
    /// Least time between two segments: each is an hundredth of the time so far, in between these.
    double publish_seconds = 2.0, most_publish_seconds = 20.0;
    /// How long a segment that cannot be written is tried again; the points wait meanwhile.
    double retry_seconds = 10.0;
    Device device = Device::kCpu;
    std::size_t group = 0;  ///< points trained together; 0: as many as the device likes
    /// Called, if there is one, when points in flight outlast the second that they have after a
    /// stop is requested: with what is finished on disk, or the reason why not. Must not return.
    std::function<void(const SweepCount&, const std::string& failure)> overdue;
};

/// Runs what is not finished, the points over the OpenMP threads, and publishes finished ones as
/// segments: now and then, as soon as a stop is requested, and at the end. The same numbers for any
/// order, threads, shards and restarts. Throws MachineError, saying how many finished points that
/// costs, if a segment cannot be written for as long as the plan says.
SweepCount run_shard(const Spec& spec, const std::string& folder, Shard shard,
                     const RunPlan& plan = {});

struct SweepEstimate {
    double seconds_a_point = 0.0;  ///< on one thread
    double bytes_a_point = 0.0;    ///< memory while one runs
    std::size_t output_bytes = 0;  ///< a point adds to the merged file
    std::size_t tried = 0;
    EtaRange eta;  ///< of those tried
};

/// Runs a few points, evenly chosen, for at most about `seconds`.
SweepEstimate estimate(const Spec& spec, Device device, double seconds);

}  // namespace prefdyn::sweep
