#include "sim/margin_kernel.hpp"

#include <algorithm>

namespace prefdyn {

namespace {

constexpr Index kLanes = 8;              // independent partial sums, the same on every vector width
constexpr Index kChunkElements = 32768;  // elements of G a partial sum covers at least
constexpr Index kParallelElements = Index{1} << 19;  // below this a thread costs more than it saves
constexpr Index kMaxChunks = 64;

template <class Scalar>
double dot(const Scalar* a, const double* b, Index d) {
    double lane[kLanes] = {};
    Index j = 0;
    for (; j + kLanes <= d; j += kLanes)
        for (Index k = 0; k < kLanes; ++k) lane[k] += static_cast<double>(a[j + k]) * b[j + k];
    double tail = 0.0;
    for (; j < d; ++j) tail += static_cast<double>(a[j]) * b[j];
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7])) + tail;
}

template <class Scalar>
void add_scaled(double a, const Scalar* x, double* y, Index d) {
    for (Index j = 0; j < d; ++j) y[j] += a * static_cast<double>(x[j]);
}

Index chunk_rows(Index batch, Index d) {
    const Index by_work = (kChunkElements + d - 1) / d;
    const Index by_count = (batch + kMaxChunks - 1) / kMaxChunks;
    return std::max(by_work, by_count);
}

/// Sum of phi over batch rows [first, last); adds sum (-phi') s g to `sum` (d).
template <class Scalar>
double chunk_pass(const BasicMarginPass<Scalar>& p, const Vector& v, Index first, Index last,
                  double* sum, double* margins) {
    const Index d = p.features.cols();
    double total = 0.0;
    for (Index b = first; b < last; ++b) {
        const Index i = p.rows.empty() ? b : p.rows[static_cast<std::size_t>(b)];
        const Scalar* g = p.features.data() + i * d;
        const double s = p.label[static_cast<std::size_t>(i)];
        const double m = 2.0 * p.beta * s * dot(g, v.data(), d);
        total += p.loss.value(m);
        add_scaled(-p.loss.derivative(m) * s, g, sum, d);
        if (margins) margins[b] = m;
    }
    return total;
}

}  // namespace

template <class Scalar>
double margin_pass(const BasicMarginPass<Scalar>& pass, const Vector& v, Vector& direction,
                   double* margins) {
    const Index d = pass.features.cols();
    const Index batch =
        pass.rows.empty() ? pass.features.rows() : static_cast<Index>(pass.rows.size());
    const Index rows = chunk_rows(batch, d);
    const Index chunks = (batch + rows - 1) / rows;
    Matrix partial = Matrix::Zero(d, chunks);
    Vector loss(chunks);
#pragma omp parallel for schedule(static) if (batch * d >= kParallelElements)
    for (Index c = 0; c < chunks; ++c)
        loss(c) = chunk_pass(pass, v, c * rows, std::min(batch, (c + 1) * rows),
                             partial.col(c).data(), margins);
    double total = loss(0);
    direction = partial.col(0);
    for (Index c = 1; c < chunks; ++c) {
        total += loss(c);
        direction += partial.col(c);
    }
    direction *= pass.beta / static_cast<double>(batch);
    return total / static_cast<double>(batch);
}

template <class Scalar>
void margins_only(const Rows<Scalar>& features, const std::vector<std::int8_t>& label, double beta,
                  const Vector& v, double* margins) {
    const Index n = features.rows(), d = features.cols();
#pragma omp parallel for schedule(static) if (n * d >= kParallelElements)
    for (Index i = 0; i < n; ++i)
        margins[i] = 2.0 * beta * label[static_cast<std::size_t>(i)] *
                     dot(features.data() + i * d, v.data(), d);
}

template double margin_pass(const BasicMarginPass<double>&, const Vector&, Vector&, double*);
template double margin_pass(const BasicMarginPass<float>&, const Vector&, Vector&, double*);
template void margins_only(const Rows<double>&, const std::vector<std::int8_t>&, double,
                           const Vector&, double*);
template void margins_only(const Rows<float>&, const std::vector<std::int8_t>&, double,
                           const Vector&, double*);

}  // namespace prefdyn
