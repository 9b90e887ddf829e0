#include "sim/lm/train/product.hpp"

#include <algorithm>

namespace prefdyn::finetune {

namespace {

/// Inputs and outputs of the right side that are packed at a time.
struct Cut {
    Index inputs, outputs;

    explicit Cut(const View<float>& right) : inputs(right.rows), outputs(right.cols) {
        constexpr Index kUnit = transformer::kBlockK;  // cut elsewhere, partial sums would change
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
    transformer::PackedMatrix packed;
    for (Index o = 0; o < right.cols; o += cut.outputs)
        for (Index i = 0; i < right.rows; i += cut.inputs) {
            const Index inputs = std::min(cut.inputs, right.rows - i);
            const Index outputs = std::min(cut.outputs, right.cols - o);
            packed.pack(right.block(i, o, inputs, outputs).turned());
            transformer::multiply(transformer::best_kernels(), left.block(0, i, left.rows, inputs),
                                  packed, y + o, stride, into == Into::kAdd || i > 0);
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

template <class Real>
void set_forward(const Rows<Real>& x, ConstRows<Real> w, Rows<Real>& y) {
    y.resize(x.rows(), w.rows());
    multiply(view_of(x), view_of(w).turned(), y.data(), y.cols(), Into::kSet);
}

template <class Real>
void add_forward(const Rows<Real>& x, ConstRows<Real> w, Rows<Real>& y) {
    multiply(view_of(x), view_of(w).turned(), y.data(), y.cols(), Into::kAdd);
}

template <class Real>
void set_backward(const Rows<Real>& dy, ConstRows<Real> w, Rows<Real>& dx) {
    dx.resize(dy.rows(), w.cols());
    multiply(view_of(dy), view_of(w), dx.data(), dx.cols(), Into::kSet);
}

template <class Real>
void add_backward(const Rows<Real>& dy, ConstRows<Real> w, Rows<Real>& dx) {
    multiply(view_of(dy), view_of(w), dx.data(), dx.cols(), Into::kAdd);
}

template <class Real>
void add_gradient(const Rows<Real>& dy, const Rows<Real>& x, RowsMap<Real> dw) {
    multiply(view_of(dy).turned(), view_of(x), dw.data(), dw.cols(), Into::kAdd);
}

template <class Real>
void add_row_sum(const Rows<Real>& dy, RowsMap<Real> db) {
    for (Index t = 0; t < dy.rows(); ++t) db += dy.row(t);
}

#define PREFDYN_INSTANTIATE(Real)                                                    \
    template void set_forward(const Rows<Real>&, ConstRows<Real>, Rows<Real>&);      \
    template void add_forward(const Rows<Real>&, ConstRows<Real>, Rows<Real>&);      \
    template void set_backward(const Rows<Real>&, ConstRows<Real>, Rows<Real>&);     \
    template void add_backward(const Rows<Real>&, ConstRows<Real>, Rows<Real>&);     \
    template void add_gradient(const Rows<Real>&, const Rows<Real>&, RowsMap<Real>); \
    template void add_row_sum(const Rows<Real>&, RowsMap<Real>);
PREFDYN_INSTANTIATE(float)
PREFDYN_INSTANTIATE(double)
#undef PREFDYN_INSTANTIATE

}  // namespace prefdyn::finetune
