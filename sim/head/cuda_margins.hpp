#pragma once
// The exact reduction on a CUDA card: one pass over G, and whole runs of updates without a return
// to the host. Plain pointers on purpose: this header is read by the CUDA compiler.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sim/loss/margin_phi.hpp"

namespace prefdyn::cuda {

/// Feature dimensions up to this are run on a card.
inline constexpr long kLargestDimension = 8192;

/// G (n, d) and labels of one split on the card. Features are kept as Scalar, sums are double.
/// Methods may be called from several threads.
template <class Scalar>
class DeviceRows {
  public:
    /// 1 <= d <= kLargestDimension. Throws InputError if the card has not enough memory.
    DeviceRows(const Scalar* features, const std::int8_t* label, long n, long d, double beta,
               const MarginPhi& phi);
    ~DeviceRows();

    /// As margin_pass of margin_kernel.hpp: returns L; direction (d); margins (batch) unless null.
    /// `rows` null: all rows, batch = n. The bits are the same on the same kind of card.
    double pass(const double* v, const std::int32_t* rows, long batch, double* direction,
                double* margins) const;
    /// margins (n) of all rows.
    void margins(const double* v, double* margins) const;

    struct Impl;
    const Impl& impl() const { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

/// Rows of one update after the other.
struct Batches {
    std::vector<std::int32_t> rows;
    std::vector<std::int64_t> first = {
        0};  ///< update k has rows[first[k]] ... rows[first[k + 1] - 1]
};

/// One head from the reference on: `stops.back()` updates, theta kept after each of `stops`.
template <class Scalar>
struct HeadRun {
    const DeviceRows<Scalar>* data;
    bool adam;  ///< else theta += eta * direction
    double eta;
    std::vector<std::int64_t> stops;  ///< increasing, 0 stands for the start
    std::int64_t batch = 0;           ///< rows of an update at most; 0: every update sees all rows
    /// Appends the next `count` updates' rows; called in order.
    std::function<void(std::int64_t count, Batches& out)> next = {};
    double* path = nullptr;    ///< out: (stops, d)
    std::int64_t reached = 0;  ///< out: updates made; fewer than asked for if stopped
};

/// Runs all of them at once, each as a block of its own when it is small. `stop` is asked a few
/// times a second.
template <class Scalar>
void run_heads(std::vector<HeadRun<Scalar>>& runs, const std::function<bool()>& stop);

}  // namespace prefdyn::cuda
