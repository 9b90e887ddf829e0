#pragma once
// The three products of a linear map y = x W^T. Every element is a sum in a fixed order: the number
// of threads does not change a bit.

#include "sim/finetune/parameters.hpp"

namespace prefdyn::finetune {

/// y (T, out) += x (T, in) W^T, W (out, in).
template <class Real>
void add_forward(const Rows<Real>& x, ConstRows<Real> w, Rows<Real>& y);

/// dx (T, in) += dy (T, out) W.
template <class Real>
void add_backward(const Rows<Real>& dy, ConstRows<Real> w, Rows<Real>& dx);

/// dW (out, in) += dy^T x, summed over the T rows.
template <class Real>
void add_gradient(const Rows<Real>& dy, const Rows<Real>& x, RowsMap<Real> dw);

/// db (1, out) += the sum of the rows of dy.
template <class Real>
void add_row_sum(const Rows<Real>& dy, RowsMap<Real> db);

}  // namespace prefdyn::finetune
