#include "sim/lm/model/elementwise.hpp"

#include <algorithm>

#include "sim/lm/model/element.hpp"
#include "sim/lm/model/gemm/gemm.hpp"

namespace prefdyn::transformer {

namespace {

/// r of one row (d). Four sums, so that additions need not wait for each other.
template <class Real>
double row_scale(const Real* x, Index d, double epsilon) {
    constexpr Index kSums = 4;
    double sum[kSums] = {};
    for (Index j = 0; j < d; ++j) sum[j % kSums] += static_cast<double>(x[j]) * x[j];
    return inverse_rms((sum[0] + sum[1]) + (sum[2] + sum[3]), static_cast<double>(d), epsilon);
}

template <class Real>
void rotate(const RopeTable& rope, std::span<const Prompt> sequences, Real direction,
            Rows<Real>& x) {
    const Index half = rope.cos.cols();
#pragma omp parallel for schedule(dynamic, 8)
    for (std::size_t s = 0; s < sequences.size(); ++s)
        for (Index p = 0; p < sequences[s].length; ++p) {
            Real* row = x.row(sequences[s].first + p).data();
            for (Index head = 0; head < x.cols(); head += 2 * half)
                for (Index c = head; c < head + half; ++c) {
                    const Real cosine = rope.cos(p, c - head), sine = rope.sin(p, c - head);
                    rotate_pair(row[c], row[c + half], cosine, direction * sine);
                }
        }
}

}  // namespace

template <class Real>
void norm_forward(const Rows<Real>& x, const Real* w, double epsilon, Rows<Real>& y) {
    y.resize(x.rows(), x.cols());
#pragma omp parallel for schedule(static)
    for (Index t = 0; t < x.rows(); ++t) {
        const Real* in = x.row(t).data();
        Real* out = y.row(t).data();
        const auto r = static_cast<Real>(row_scale(in, x.cols(), epsilon));
        for (Index j = 0; j < x.cols(); ++j) out[j] = normed(w[j], in[j], r);
    }
}

template <class Real>
void norm_backward(const Rows<Real>& x, const Real* w, double epsilon, const Rows<Real>& dy,
                   Rows<Real>& dx, Real* dw) {
    const Index d = x.cols();
    Column<double> scale(x.rows());
#pragma omp parallel for schedule(static)
    for (Index t = 0; t < x.rows(); ++t) {
        const double r = scale(t) = row_scale(x.row(t).data(), d, epsilon);
        double along = 0.0;
        for (Index j = 0; j < d; ++j)
            along += static_cast<double>(w[j]) * dy(t, j) * static_cast<double>(x(t, j));
        const NormSlope slope(r, along, static_cast<double>(d));
        for (Index j = 0; j < d; ++j) dx(t, j) += slope(x(t, j), w[j], dy(t, j));
    }
    if (!dw) return;
    Column<double> sum = Column<double>::Zero(d);
    constexpr Index kStretch = 64;  // columns of a thread, every one summed in the order of t
#pragma omp parallel for schedule(static)
    for (Index first = 0; first < d; first += kStretch)
        for (Index t = 0; t < x.rows(); ++t)
            for (Index j = first; j < std::min(d, first + kStretch); ++j)
                sum(j) += scale(t) * static_cast<double>(dy(t, j)) * static_cast<double>(x(t, j));
    Eigen::Map<Column<Real>>(dw, d) += sum.template cast<Real>();
}

template <class Real>
void rotate_forward(const RopeTable& rope, std::span<const Prompt> sequences, Rows<Real>& x) {
    rotate(rope, sequences, Real(1), x);
}

template <class Real>
void rotate_backward(const RopeTable& rope, std::span<const Prompt> sequences, Rows<Real>& dx) {
    rotate(rope, sequences, Real(-1), dx);
}

template <>
void gate_forward(const Rows<float>& g, const Rows<float>& u, Rows<float>& a) {
    a.resize(g.rows(), g.cols());
#pragma omp parallel for schedule(static)
    for (Index t = 0; t < g.rows(); ++t) {
        a.row(t) = g.row(t);
        best_kernels().gate(a.row(t).data(), u.row(t).data(), g.cols());
    }
}

template <>
void gate_forward(const Rows<double>& g, const Rows<double>& u, Rows<double>& a) {
    a = g.binaryExpr(u, [](double x, double y) { return gate(x, y); });
}

template <>
void gate_backward(const Rows<float>& g, const Rows<float>& u, const Rows<float>& da,
                   Rows<float>& dg, Rows<float>& du) {
    dg.resize(g.rows(), g.cols());
    du.resize(g.rows(), g.cols());
#pragma omp parallel for schedule(static)
    for (Index t = 0; t < g.rows(); ++t)
        best_kernels().gate_backward(g.row(t).data(), u.row(t).data(), da.row(t).data(),
                                     dg.row(t).data(), du.row(t).data(), g.cols());
}

template <>
void gate_backward(const Rows<double>& g, const Rows<double>& u, const Rows<double>& da,
                   Rows<double>& dg, Rows<double>& du) {
    dg.resize(g.rows(), g.cols());
    du.resize(g.rows(), g.cols());
    for (Index k = 0; k < g.size(); ++k)
        transformer::gate_backward(g.data()[k], u.data()[k], da.data()[k], dg.data()[k],
                                   du.data()[k]);
}

#define PREFDYN_INSTANTIATE(Real)                                                          \
    template void norm_forward(const Rows<Real>&, const Real*, double, Rows<Real>&);       \
    template void norm_backward(const Rows<Real>&, const Real*, double, const Rows<Real>&, \
                                Rows<Real>&, Real*);                                       \
    template void rotate_forward(const RopeTable&, std::span<const Prompt>, Rows<Real>&);  \
    template void rotate_backward(const RopeTable&, std::span<const Prompt>, Rows<Real>&);
PREFDYN_INSTANTIATE(float)
PREFDYN_INSTANTIATE(double)
#undef PREFDYN_INSTANTIATE

}  // namespace prefdyn::transformer
