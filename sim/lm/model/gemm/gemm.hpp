#pragma once
// y = x W^T in single precision. W (out, in) is packed once; x has any number of rows. Each element
// of y is sum over blocks of 256 inputs of (sum in order within the block), in order: the number of
// rows, threads and the width of the vectors do not change a bit. Fused multiply-add does: machines
// with it (avx2, avx512) agree with each other, those without agree among themselves.

#include <memory>
#include <vector>

#include "sim/lm/model/gemm/cpu_kernels.hpp"
#include "sim/lm/model/tensor.hpp"

namespace prefdyn::transformer {

/// Kernels this machine can run, best last.
std::vector<const CpuKernels*> runnable_kernels();
const CpuKernels& best_kernels();

/// Element (i, j) of a (rows, cols) matrix is data[i * row_stride + j * stride], one of the strides
/// being 1.
template <class Real>
struct View {
    const Real* data;
    Index rows, cols, row_stride, stride = 1;

    View transposed() const { return {data, cols, rows, stride, row_stride}; }
    View block(Index row, Index col, Index count_rows, Index count_cols) const {
        return {data + row * row_stride + col * stride, count_rows, count_cols, row_stride, stride};
    }
};

template <class Matrix>
View<typename Matrix::Scalar> view_of(const Matrix& x) {
    return {x.data(), x.rows(), x.cols(), x.cols()};
}

/// W (out, in) in panels of 16 outputs, zero-padded.
class PackedMatrix {
  public:
    void pack(const Tensor& tensor) { pack_rows(tensor, 0, tensor.shape[0]); }
    /// Rows [first, first + count) of it.
    void pack_rows(const Tensor& tensor, Index first, Index count);
    void pack(const View<float>& w);

    /// Bytes of a W (outputs, inputs).
    static std::size_t bytes(Index outputs, Index inputs);
    Index outputs() const { return outputs_; }
    Index inputs() const { return inputs_; }
    const float* panel(Index p) const { return data_.get() + p * kPanel * inputs_; }

  private:
    struct Free {
        void operator()(float* data) const;
    };
    void resize(Index outputs, Index inputs);
    Index outputs_ = 0, inputs_ = 0;
    std::size_t capacity_ = 0;  ///< bytes
    std::unique_ptr<float[], Free> data_;
};

/// y (rows, out) = x (rows, in) W^T, or y += if `add`. Uses the OpenMP threads unless it is called
/// by one of them.
void multiply(const CpuKernels& kernels, const View<float>& x, const PackedMatrix& w, float* y,
              Index y_stride, bool add);

}  // namespace prefdyn::transformer
