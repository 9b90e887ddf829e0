#pragma once
// The exact reduction on a device other than the processor: the passes an engine asks for one by
// one, and whole runs of updates that never come back to the host in between.

#include <memory>
#include <span>
#include <vector>

#include "sim/cuda/device.hpp"
#include "sim/data/batches.hpp"
#include "sim/head/margin_kernel.hpp"

namespace prefdyn {

/// One split of a task on the device. Features are kept as Scalar, sums are double; the bits are
/// the same on the same kind of card. Methods may be called from several threads.
class HeadDevice {
  public:
    virtual ~HeadDevice() = default;
    /// margin_pass on it; the same to rounding.
    virtual double pass(const Vector& v, std::span<const Index> rows, Vector& direction,
                        double* margins) const = 0;
    /// margins_only on it.
    virtual void margins(const Vector& v, double* margins) const = 0;
};

/// Null where the processor has to do it: `device` is the processor, the loss has no form for
/// another (MarginLoss::phi), there are no rows, or d is beyond what the kernels take. DeviceError
/// if the device has not enough memory.
template <class Scalar>
std::unique_ptr<HeadDevice> make_head_device(const Rows<Scalar>& features,
                                             const std::vector<std::int8_t>& label, double beta,
                                             const MarginLoss& loss, Device device);

/// A run of updates from theta = 0 on.
struct HeadPath {
    const HeadDevice* device;
    bool adam;  ///< else theta += eta * direction
    double eta;
    std::vector<Index> stops;         ///< increasing; the last one ends the run
    BatchSampler* batches = nullptr;  ///< null: every update sees all rows
    Matrix theta = {};                ///< out (d, stops): theta after so many updates
    Index reached = 0;                ///< out: updates made; fewer than stops.back() if cancelled
};

/// Follows all of them, as many as possible at the same time.
void follow(std::vector<HeadPath>& paths);

}  // namespace prefdyn
