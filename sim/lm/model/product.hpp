#pragma once
// Products of matrices where they lie in memory, and those of a linear map y = x W^T. Every element
// is a sum in a fixed order: the number of threads does not change a bit.

#include "sim/lm/model/gemm/gemm.hpp"

namespace prefdyn::transformer {

enum class Into { kSet, kAdd };

/// y (rows, cols) = or += left (rows, k) right (k, cols); `stride` is that of the rows of y. Uses
/// the OpenMP threads unless it is called by one of them.
template <class Real>
void multiply(const View<Real>& left, const View<Real>& right, Real* y, Index stride, Into into);

/// W (out, in), or a vector (1, n), where it lies. `packed`: W as products x W^T read it, by
/// whoever makes many; its plain numbers may then be missing.
template <class Real>
struct Weight {
    const Real* data = nullptr;
    Index rows = 0, cols = 0;
    const PackedMatrix* packed = nullptr;

    bool present() const { return rows > 0; }
    View<Real> view() const { return {data, rows, cols, cols}; }
};

/// y (T, out) = or += x (T, in) W^T; set, y gets its size.
template <class Real>
void linear_forward(const Rows<Real>& x, const Weight<Real>& w, Rows<Real>& y, Into into);

/// dx (T, in) = or += dy (T, out) W; set, dx gets its size.
template <class Real>
void backward_input(const Rows<Real>& dy, const Weight<Real>& w, Rows<Real>& dx, Into into);

/// dW (out, in) += dy^T x, summed over the T rows.
template <class Real>
void backward_weight(const Rows<Real>& dy, const Rows<Real>& x, RowsMap<Real> dw);

/// db (1, out) += the sum of the rows of dy.
template <class Real>
void backward_bias(const Rows<Real>& dy, RowsMap<Real> db);

/// Bytes that products pack at a time, whatever their size.
inline constexpr std::size_t kPackedBytes = std::size_t(1) << 24;

}  // namespace prefdyn::transformer
