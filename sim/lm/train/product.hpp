#pragma once
// Products of matrices where they lie in memory, and the three of a linear map y = x W^T. Every
// element is a sum in a fixed order: the number of threads does not change a bit.

#include "sim/lm/model/gemm/gemm.hpp"
#include "sim/lm/train/parameters.hpp"

namespace prefdyn::finetune {

using transformer::View;
using transformer::view_of;

enum class Into { kSet, kAdd };

/// y (rows, cols) = or += left (rows, k) right (k, cols); `stride` is that of the rows of y. Uses
/// the OpenMP threads unless it is called by one of them.
template <class Real>
void multiply(const View<Real>& left, const View<Real>& right, Real* y, Index stride, Into into);

/// y (T, out) = x (T, in) W^T, W (out, in); y gets its size.
template <class Real>
void set_forward(const Rows<Real>& x, ConstRows<Real> w, Rows<Real>& y);
/// y += x W^T.
template <class Real>
void add_forward(const Rows<Real>& x, ConstRows<Real> w, Rows<Real>& y);

/// dx (T, in) = dy (T, out) W; dx gets its size.
template <class Real>
void set_backward(const Rows<Real>& dy, ConstRows<Real> w, Rows<Real>& dx);
/// dx += dy W.
template <class Real>
void add_backward(const Rows<Real>& dy, ConstRows<Real> w, Rows<Real>& dx);

/// dW (out, in) += dy^T x, summed over the T rows.
template <class Real>
void add_gradient(const Rows<Real>& dy, const Rows<Real>& x, RowsMap<Real> dw);

/// db (1, out) += the sum of the rows of dy.
template <class Real>
void add_row_sum(const Rows<Real>& dy, RowsMap<Real> db);

/// Bytes that products pack at a time, whatever their size.
inline constexpr std::size_t kPackedBytes = std::size_t(1) << 24;

}  // namespace prefdyn::finetune
