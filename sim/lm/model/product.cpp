#include "sim/lm/model/product.hpp"

#include <algorithm>

namespace prefdyn::transformer {

namespace {

/// Inputs and outputs of the right side that are packed at a time.
struct Cut {
    Index inputs, outputs;

    explicit Cut(const View<float>& right) : inputs(right.rows), outputs(right.cols) {
        constexpr Index kUnit = kBlockK;  // cut elsewhere, partial sums would change
        constexpr Index kNumbers = kPackedBytes / sizeof(float);
        while (inputs * outputs > kNumbers) {
            Index& larger = inputs > outputs ? inputs : outputs;
            larger = (larger / 2 + kUnit - 1) / kUnit * kUnit;
        }
    }
};

}  // namespace

template <>
void multiply(const View<float>& left, const View<float>& right, float* y, Index stride,
              Into into) {
    const Cut cut(right);
    PackedMatrix packed;
    for (Index o = 0; o < right.cols; o += cut.outputs)
        for (Index i = 0; i < right.rows; i += cut.inputs) {
            const Index inputs = std::min(cut.inputs, right.rows - i);
            const Index outputs = std::min(cut.outputs, right.cols - o);
            packed.pack(right.block(i, o, inputs, outputs).transposed());
            multiply(best_kernels(), left.block(0, i, left.rows, inputs), packed, y + o, stride,
                     into == Into::kAdd || i > 0);
        }
}

template <>
void multiply(const View<double>& left, const View<double>& right, double* y, Index stride,
              Into into) {
    using Any = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
    using Source = Eigen::Map<const Rows<double>, 0, Any>;
    const Source a(left.data, left.rows, left.cols, {left.row_stride, left.stride});
    const Source b(right.data, right.rows, right.cols, {right.row_stride, right.stride});
    Eigen::Map<Rows<double>, 0, Eigen::OuterStride<>> out(y, left.rows, right.cols,
                                                          Eigen::OuterStride<>(stride));
    if (into == Into::kSet) out.setZero();
    out.noalias() += a * b;
}

namespace {

/// y (T, cols) = or += x right.
template <class Real>
void multiply_rows(const Rows<Real>& x, const View<Real>& right, Rows<Real>& y, Into into) {
    if (into == Into::kSet) y.resize(x.rows(), right.cols);
    multiply(view_of(x), right, y.data(), y.cols(), into);
}

}  // namespace

template <>
void linear_forward(const Rows<float>& x, const Weight<float>& w, Rows<float>& y, Into into) {
    if (!w.packed) return multiply_rows(x, w.view().transposed(), y, into);
    if (into == Into::kSet) y.resize(x.rows(), w.rows);
    multiply(best_kernels(), view_of(x), *w.packed, y.data(), y.cols(), into == Into::kAdd);
}

template <>
void linear_forward(const Rows<double>& x, const Weight<double>& w, Rows<double>& y, Into into) {
    multiply_rows(x, w.view().transposed(), y, into);
}

template <class Real>
void backward_input(const Rows<Real>& dy, const Weight<Real>& w, Rows<Real>& dx, Into into) {
    multiply_rows(dy, w.view(), dx, into);
}

template <class Real>
void backward_weight(const Rows<Real>& dy, const Rows<Real>& x, RowsMap<Real> dw) {
    multiply(view_of(dy).transposed(), view_of(x), dw.data(), dw.cols(), Into::kAdd);
}

template <class Real>
void backward_bias(const Rows<Real>& dy, RowsMap<Real> db) {
    for (Index t = 0; t < dy.rows(); ++t) db += dy.row(t);
}

#define PREFDYN_INSTANTIATE(Real)                                                            \
    template void backward_input(const Rows<Real>&, const Weight<Real>&, Rows<Real>&, Into); \
    template void backward_weight(const Rows<Real>&, const Rows<Real>&, RowsMap<Real>);      \
    template void backward_bias(const Rows<Real>&, RowsMap<Real>);
PREFDYN_INSTANTIATE(float)
PREFDYN_INSTANTIATE(double)
#undef PREFDYN_INSTANTIATE

}  // namespace prefdyn::transformer
