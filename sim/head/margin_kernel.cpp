#include "sim/head/margin_kernel.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "sim/head/margin_rows.hpp"

namespace prefdyn {

namespace {

constexpr Index kLanes = 8;                          // partial sums of a margin, at every level
constexpr Index kGroup = 8;                          // rows that are summed before they are added
constexpr Index kChunkElements = 32768;              // elements of G a partial sum covers at least
constexpr Index kParallelElements = Index{1} << 21;  // below this, less than a millisecond
constexpr Index kMaxChunks = 64;
constexpr Index kBlockElements = 2048, kMostRows = 256;  // of a block, which stays in the cache
constexpr Index kFetchedElements = 8192;  // of larger blocks the next one is fetched meanwhile

template <class Scalar>
const BasicMarginRows<Scalar>& kernels() {
    if constexpr (std::is_same_v<Scalar, double>)
        return margin_rows();
    else
        return margin_rows_f32();
}

Index chunk_rows(Index batch, Index d) {
    const Index by_work = (kChunkElements + d - 1) / d;
    const Index by_count = (batch + kMaxChunks - 1) / kMaxChunks;
    return std::max(by_work, by_count);
}

Index block_rows(Index d) {
    return std::clamp(kBlockElements / d / kGroup * kGroup, kGroup, kMostRows);
}

/// Rows of the batch from `first` on.
template <class Scalar>
struct RowBlock {
    const Scalar* row[kMostRows];
    double sign[kMostRows];
    Index rows = 0;

    void gather(const BasicMarginPass<Scalar>& p, Index first, Index count) {
        rows = count;
        const Index d = p.features.cols();
        for (Index b = 0; b < count; ++b) {
            const Index i =
                p.rows.empty() ? first + b : p.rows[static_cast<std::size_t>(first + b)];
            row[b] = p.features.data() + i * d;
            sign[b] = p.label[static_cast<std::size_t>(i)];
        }
    }
};

/// Over batch rows [first, last): adds sum (-phi') s g to `sum` (d), and sum phi to `loss` unless
/// that is null.
template <class Scalar>
void chunk_pass(const BasicMarginPass<Scalar>& p, const Vector& v, Index first, Index last,
                double* sum, double* margins, double* loss) {
    const BasicMarginRows<Scalar>& kernel = kernels<Scalar>();
    const Index d = p.features.cols(), most = block_rows(d);
    const bool fetches = most * d > kFetchedElements;
    RowBlock<Scalar> blocks[2];
    double margin[kMostRows], slope[kMostRows];
    blocks[0].gather(p, first, std::min(most, last - first));
    for (Index begin = first, turn = 0; begin < last; begin += most, turn = 1 - turn) {
        const RowBlock<Scalar>& now = blocks[turn];
        RowBlock<Scalar>& next = blocks[1 - turn];
        const Index rows = now.rows, after = begin + most;
        if (after < last) next.gather(p, after, std::min(most, last - after));
        double* const m = margins ? margins + begin : margin;
        kernel.margins(now.row, rows, v.data(), d, 2.0 * p.beta, now.sign, m);
        if (loss) {
            p.loss.values(m, rows, slope);
            for (Index b = 0; b < rows; ++b) *loss += slope[b];
        }
        p.loss.derivatives(m, rows, slope);
        for (Index b = 0; b < rows; ++b) slope[b] *= -now.sign[b];
        const bool fetch = fetches && after < last && next.rows == rows;
        kernel.add(now.row, rows, slope, sum, d, fetch ? next.row : nullptr);
    }
}

/// Sums of chunks that one thread asked for last; kept, so that a step allocates nothing.
thread_local std::vector<double> kept_sums;

template <class Scalar>
void pass_over(const BasicMarginPass<Scalar>& pass, const Vector& v, Vector& direction,
               double* margins, double* loss) {
    const Index d = pass.features.cols();
    const Index batch =
        pass.rows.empty() ? pass.features.rows() : static_cast<Index>(pass.rows.size());
    const Index rows = chunk_rows(batch, d);
    const Index chunks = (batch + rows - 1) / rows;
    direction.setZero(d);
    if (loss) *loss = 0.0;
    if (chunks == 1) {
        chunk_pass(pass, v, 0, batch, direction.data(), margins, loss);
    } else {
        kept_sums.assign(static_cast<std::size_t>((d + 1) * chunks), 0.0);
        double* const sums = kept_sums.data();  // (chunks, d + 1), the loss last
        const auto work = [&](Index c) {
            double* const mine = sums + c * (d + 1);
            chunk_pass(pass, v, c * rows, std::min(batch, (c + 1) * rows), mine, margins,
                       loss ? mine + d : nullptr);
        };
        if (batch * d < kParallelElements) {
            for (Index c = 0; c < chunks; ++c) work(c);
        } else {
#pragma omp parallel for schedule(static)
            for (Index c = 0; c < chunks; ++c) work(c);
        }
        for (Index c = 0; c < chunks; ++c) {
            direction += Eigen::Map<const Vector>(sums + c * (d + 1), d);
            if (loss) *loss += sums[c * (d + 1) + d];
        }
    }
    direction *= pass.beta / static_cast<double>(batch);
    if (loss) *loss /= static_cast<double>(batch);
}

}  // namespace

template <class Scalar>
double margin_pass(const BasicMarginPass<Scalar>& pass, const Vector& v, Vector& direction,
                   double* margins) {
    double loss;
    pass_over(pass, v, direction, margins, &loss);
    return loss;
}

template <class Scalar>
void descent_pass(const BasicMarginPass<Scalar>& pass, const Vector& v, Vector& direction,
                  double* margins) {
    pass_over(pass, v, direction, margins, nullptr);
}

template <class Scalar>
void margins_only(const Rows<Scalar>& features, const std::vector<std::int8_t>& label, double beta,
                  const Vector& v, double* margins) {
    const Index n = features.rows(), d = features.cols(), most = block_rows(d);
    const auto work = [&](Index first) {
        const Scalar* row[kMostRows];
        double sign[kMostRows];
        const Index rows = std::min(most, n - first);
        for (Index b = 0; b < rows; ++b) {
            row[b] = features.data() + (first + b) * d;
            sign[b] = label[static_cast<std::size_t>(first + b)];
        }
        kernels<Scalar>().margins(row, rows, v.data(), d, 2.0 * beta, sign, margins + first);
    };
    if (n * d < kParallelElements) {
        for (Index first = 0; first < n; first += most) work(first);
    } else {
#pragma omp parallel for schedule(static)
        for (Index first = 0; first < n; first += most) work(first);
    }
}

double margin_roundings(Index d) { return static_cast<double>(d / kLanes + kLanes + 6); }

/// Three additions within a group, then the groups of a chunk, then the chunks.
double sum_roundings(Index n, Index d) {
    const Index rows = std::min(n, chunk_rows(n, d));
    return static_cast<double>((rows + kGroup - 1) / kGroup + (n + rows - 1) / rows + 8);
}

template double margin_pass(const BasicMarginPass<double>&, const Vector&, Vector&, double*);
template double margin_pass(const BasicMarginPass<float>&, const Vector&, Vector&, double*);
template void descent_pass(const BasicMarginPass<double>&, const Vector&, Vector&, double*);
template void descent_pass(const BasicMarginPass<float>&, const Vector&, Vector&, double*);
template void margins_only(const Rows<double>&, const std::vector<std::int8_t>&, double,
                           const Vector&, double*);
template void margins_only(const Rows<float>&, const std::vector<std::int8_t>&, double,
                           const Vector&, double*);

}  // namespace prefdyn
