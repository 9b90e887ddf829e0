#pragma once
// The matrix products of the dense head and of a two-layer policy on a device other than the
// processor. What depends on the loss stays with the engines: they read scores and hand back a
// weight for each row.

#include <memory>
#include <span>

#include "sim/cuda/device.hpp"
#include "sim/head/two_layer.hpp"

namespace prefdyn {

/// Rows of one split on their way through log softmax(x W^T).
class SoftmaxDevice {
  public:
    virtual ~SoftmaxDevice() = default;
    /// Rows `row` of a split with the tokens chosen and rejected there; their log-probabilities.
    struct Rows {
        std::vector<Index> row;
        std::vector<std::int32_t> chosen, rejected;
        Vector logp_chosen, logp_rejected;  ///< out
    };
    virtual void forward(bool held_out, Rows& rows) = 0;
    /// Adds sum_b [ weight_b (up - down) + excess_b down ] x_b^T of the last rows, with
    /// up = e_chosen - pi and down = e_rejected - pi.
    virtual void backward(const Vector& weight, const Vector& excess) = 0;
    /// (V d) row-major, what backward has added up.
    virtual Vector sum() const = 0;
};

/// Rows of one split on their way through a . act(E x).
class TwoLayerDevice {
  public:
    virtual ~TwoLayerDevice() = default;
    virtual Vector scores() const = 0;
    /// (h d + h): [weight a^T o act']^T x row-major, zero unless `embedding`, and act^T weight.
    virtual Vector backward(const Vector& weight, bool embedding) = 0;
};

/// The features of both splits on the device.
class LayerDevice {
  public:
    virtual ~LayerDevice() = default;
    /// W is (V, d) row-major.
    virtual std::unique_ptr<SoftmaxDevice> softmax(const Vector& head, Index vocabulary) const = 0;
    virtual std::unique_ptr<TwoLayerDevice> two_layer(bool held_out, std::span<const Index> rows,
                                                      const TwoLayerModel& model) const = 0;
};

/// Null where the processor has to do it: `device` is the processor, or a pass of `work`
/// multiplications is too short to pay for the way there. DeviceError if the device has not enough
/// memory.
std::unique_ptr<LayerDevice> make_layer_device(const RowMatrix& train, const RowMatrix& held_out,
                                               double work, Device device);

}  // namespace prefdyn
