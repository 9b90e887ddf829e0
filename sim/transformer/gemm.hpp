#pragma once
// y = x W^T in single precision. W (out, in) is packed once; x has any number of rows. Each element
// of y is sum over blocks of 256 inputs of (sum in order within the block), in order: the number of
// rows, threads and the width of the vectors do not change a bit. Fused multiply-add does: machines
// with it (avx2, avx512) agree with each other, those without agree among themselves.

#include <memory>
#include <span>
#include <vector>

#include "sim/transformer/cpu_kernels.hpp"
#include "sim/transformer/tensor.hpp"

namespace prefdyn::transformer {

/// Kernels this machine can run, best last.
std::vector<const CpuKernels*> runnable_kernels();
const CpuKernels& best_kernels();

/// Rows of one or more tensors (out_i, in) stacked, in panels of 16 outputs, zero-padded.
class PackedMatrix {
  public:
    void pack(std::span<const Tensor* const> parts);
    /// Rows [first, first + count) of one tensor.
    void pack_rows(const Tensor& tensor, Index first, Index count);
    /// Element (o, i) is w[o * output_stride + i * input_stride], one of the strides being 1.
    void pack(const float* w, Index outputs, Index output_stride, Index inputs, Index input_stride);

    Index outputs() const { return outputs_; }
    Index inputs() const { return inputs_; }
    const float* panel(Index p) const { return data_.get() + p * kPanel * inputs_; }

  private:
    struct Free {
        void operator()(float* data) const;
    };
    void resize(Index outputs, Index inputs);
    void fill(const Tensor& tensor, Index first, Index count, Index output);
    Index outputs_ = 0, inputs_ = 0;
    std::size_t capacity_ = 0;
    std::unique_ptr<float[], Free> data_;
};

/// x (rows, in): element (r, i) is data[r * row_stride + i * stride], one of the strides being 1.
struct LeftMatrix {
    const float* data;
    Index rows, row_stride, stride = 1;
};

/// y (rows, out) = x W^T, or y += if `add`. Uses the OpenMP threads unless it is called by one of
/// them.
void multiply(const CpuKernels& kernels, const LeftMatrix& x, const PackedMatrix& w, float* y,
              Index y_stride, bool add);

}  // namespace prefdyn::transformer
