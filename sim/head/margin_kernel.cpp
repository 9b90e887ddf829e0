#include "sim/head/margin_kernel.hpp"

#include <algorithm>

namespace prefdyn {

namespace {

constexpr Index kLanes = 8;              // independent partial sums, the same on every vector width
constexpr Index kChunkElements = 32768;  // elements of G a partial sum covers at least
constexpr Index kParallelElements = Index{1} << 19;  // below this a thread costs more than it saves
constexpr Index kMaxChunks = 64;

double folded(const double* lane) {
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

/// a[r] . b for R rows of which each number of b is loaded once; the order does not depend on R.
template <int R, class Scalar>
void dot(const Scalar* const* a, const double* b, Index d, double* out) {
    double lane[R][kLanes] = {}, tail[R] = {};
    Index j = 0;
    for (; j + kLanes <= d; j += kLanes)
        for (int r = 0; r < R; ++r)
            for (Index k = 0; k < kLanes; ++k)
                lane[r][k] += static_cast<double>(a[r][j + k]) * b[j + k];
    for (; j < d; ++j)
        for (int r = 0; r < R; ++r) tail[r] += static_cast<double>(a[r][j]) * b[j];
    for (int r = 0; r < R; ++r) out[r] = folded(lane[r]) + tail[r];
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

/// Reads and writes y once for four rows: at large d the rows come from memory, y from the cache.
template <class Scalar>
void add_four(const double* a, const Scalar* const* x, double* y, Index d) {
    const double a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
    const Scalar *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3];
    for (Index j = 0; j < d; ++j)
        y[j] += (a0 * static_cast<double>(x0[j]) + a1 * static_cast<double>(x1[j])) +
                (a2 * static_cast<double>(x2[j]) + a3 * static_cast<double>(x3[j]));
}

constexpr Index kGroup = 4;

/// Sum of phi over batch rows [first, last), four rows at a time; adds sum (-phi') s g to `sum`
/// (d).
template <class Scalar>
double chunk_pass(const BasicMarginPass<Scalar>& p, const Vector& v, Index first, Index last,
                  double* sum, double* margins) {
    const Index d = p.features.cols();
    double total = 0.0;
    const Scalar* g[kGroup];
    double weight[kGroup], score[kGroup];
    for (Index begin = first; begin < last; begin += kGroup) {
        const Index rows = std::min(kGroup, last - begin);
        const auto row = [&](Index r) {
            return p.rows.empty() ? begin + r : p.rows[static_cast<std::size_t>(begin + r)];
        };
        for (Index r = 0; r < rows; ++r) g[r] = p.features.data() + row(r) * d;
        Index r = 0;
        for (; r + 2 <= rows; r += 2) dot<2>(g + r, v.data(), d, score + r);
        if (r < rows) dot<1>(g + r, v.data(), d, score + r);
        for (r = 0; r < rows; ++r) {
            const double s = p.label[static_cast<std::size_t>(row(r))];
            const double m = 2.0 * p.beta * s * score[r];
            total += p.loss.value(m);
            weight[r] = -p.loss.derivative(m) * s;
            if (margins) margins[begin + r] = m;
        }
        if (rows == kGroup)
            add_four(weight, g, sum, d);
        else
            for (r = 0; r < rows; ++r) add_scaled(weight[r], g[r], sum, d);
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
    for (Index i = 0; i < n; ++i) {
        const Scalar* row = features.data() + i * d;
        double score;
        dot<1>(&row, v.data(), d, &score);
        margins[i] = 2.0 * beta * label[static_cast<std::size_t>(i)] * score;
    }
}

double margin_roundings(Index d) { return static_cast<double>(d / kLanes + kLanes + 6); }

double sum_roundings(Index n, Index d) {
    const Index rows = std::min(n, chunk_rows(n, d));
    return static_cast<double>(rows + (n + rows - 1) / rows + 4);
}

template double margin_pass(const BasicMarginPass<double>&, const Vector&, Vector&, double*);
template double margin_pass(const BasicMarginPass<float>&, const Vector&, Vector&, double*);
template void margins_only(const Rows<double>&, const std::vector<std::int8_t>&, double,
                           const Vector&, double*);
template void margins_only(const Rows<float>&, const std::vector<std::int8_t>&, double,
                           const Vector&, double*);

}  // namespace prefdyn
