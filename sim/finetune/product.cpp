#include "sim/finetune/product.hpp"

#include <algorithm>

#include "sim/transformer/gemm.hpp"

namespace prefdyn::finetune {

namespace {

using transformer::best_kernels;
using transformer::PackedMatrix;

/// y += x W^T for W (outputs, inputs) with element (o, i) at w[o * output_stride + i * stride].
void add_packed(const Rows<float>& x, const float* w, Index outputs, Index output_stride,
                Index stride, float* y) {
    PackedMatrix packed;
    packed.pack(w, outputs, output_stride, x.cols(), stride);
    multiply(best_kernels(), x.data(), x.cols(), x.rows(), packed, y, outputs, true);
}

/// x^T, a stretch of its rows at a time, so that what is read and written stays in the cache.
Rows<float> turned(const Rows<float>& x) {
    constexpr Index kStretch = 16;
    Rows<float> out(x.cols(), x.rows());
#pragma omp parallel for schedule(static)
    for (Index first = 0; first < out.rows(); first += kStretch) {
        const Index count = std::min(kStretch, out.rows() - first);
        out.middleRows(first, count) = x.middleCols(first, count).transpose();
    }
    return out;
}

}  // namespace

template <>
void add_forward(const Rows<float>& x, ConstRows<float> w, Rows<float>& y) {
    add_packed(x, w.data(), w.rows(), w.cols(), 1, y.data());
}

template <>
void add_backward(const Rows<float>& dy, ConstRows<float> w, Rows<float>& dx) {
    add_packed(dy, w.data(), w.cols(), 1, w.cols(), dx.data());
}

template <>
void add_gradient(const Rows<float>& dy, const Rows<float>& x, RowsMap<float> dw) {
    add_packed(turned(dy), x.data(), x.cols(), 1, x.cols(), dw.data());
}

template <>
void add_forward(const Rows<double>& x, ConstRows<double> w, Rows<double>& y) {
    y.noalias() += x * w.transpose();
}

template <>
void add_backward(const Rows<double>& dy, ConstRows<double> w, Rows<double>& dx) {
    dx.noalias() += dy * w;
}

template <>
void add_gradient(const Rows<double>& dy, const Rows<double>& x, RowsMap<double> dw) {
    dw.noalias() += dy.transpose() * x;
}

template <class Real>
void add_row_sum(const Rows<Real>& dy, RowsMap<Real> db) {
    for (Index t = 0; t < dy.rows(); ++t) db += dy.row(t);
}

template void add_row_sum(const Rows<float>&, RowsMap<float>);
template void add_row_sum(const Rows<double>&, RowsMap<double>);

}  // namespace prefdyn::finetune
