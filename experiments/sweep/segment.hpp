#pragma once
// Finished points on disk. A segment is written once, under a temporary name, and never opened for
// writing again: what is there is whole, whenever a worker dies.

#include <string>
#include <vector>

#include "experiments/results/provenance.hpp"
#include "experiments/sweep/spec.hpp"

namespace prefdyn::sweep {

struct PointRecord {
    std::size_t point = 0;
    std::string run_id;  ///< empty if it failed
    std::string reason;  ///< why it failed; empty if it did not
    Row values;          ///< NaN if it failed
    bool again = false;  ///< the machine failed, not the point: the next call computes it again
    bool failed() const { return !reason.empty(); }
};

void write_segment(const std::string& path, const Spec& spec,
                   const std::vector<PointRecord>& records, Device device = Device::kCpu);

/// Throws InputError if the file is of another sweep or damaged, be it by one bit. `origin`: what
/// wrote it.
std::vector<PointRecord> read_segment(const std::string& path, const Spec& spec,
                                      Provenance* origin = nullptr);

}  // namespace prefdyn::sweep
