#include "sim/lm/model/attention.hpp"

#include <algorithm>
#include <cmath>

#include "sim/lm/model/product.hpp"

namespace prefdyn::transformer {

namespace {

/// x = softmax(scale x), n values.
void softmax(float* x, Index n, float scale) { best_kernels().softmax(x, n, scale); }

void softmax(double* x, Index n, double scale) {
    const double top = *std::max_element(x, x + n);
    double total = 0.0;
    for (Index j = 0; j < n; ++j) total += x[j] = std::exp(scale * (x[j] - top));
    for (Index j = 0; j < n; ++j) x[j] /= total;
}

template <class Real>
Real score_scale(const Heads& shape) {
    const double root = std::sqrt(static_cast<double>(shape.size));
    return static_cast<Real>(shape.scale > 0.0 ? shape.scale : 1.0 / root);
}

/// Queries [row, row + rows) of a sequence, and keys [key, key + keys), which hold all that they
/// attend to.
struct Tile {
    Index row, rows, key, keys;
};
constexpr Index kTileRows = 64;

/// Calls `work(tile)` for the n queries of a sequence, in order.
template <class Work>
void for_each_tile(const Heads& shape, Index n, Work work) {
    for (Index row = 0; row < n; row += kTileRows) {
        const Index rows = std::min(kTileRows, n - row);
        const Index key = shape.window > 0 ? std::max<Index>(0, row - shape.window + 1) : 0;
        work(Tile{row, rows, key, row + rows - key});
    }
}

/// Scores x become c tanh(a x / c); `bend`, if it is there, 1 - tanh^2.
template <class Real>
void cap_scores(const Heads& shape, RowsMap<Real> x, RowsMap<Real>* bend) {
    const auto cap = static_cast<Real>(shape.cap);
    for (Index i = 0; i < x.size(); ++i) {
        const Real t = std::tanh(score_scale<Real>(shape) * x.data()[i] / cap);
        x.data()[i] = cap * t;
        if (bend) bend->data()[i] = Real(1) - t * t;
    }
}

/// P (rows, keys) of a tile: rows are softmax(S) over what a token attends to, 0 elsewhere; q
/// (rows, h), k (keys, h). `bend`: what a cap multiplies slopes by.
template <class Real>
void attention_weights(const Heads& shape, const Tile& tile, const View<Real>& q,
                       const View<Real>& k, RowsMap<Real> weights, RowsMap<Real>* bend = nullptr) {
    multiply(q, k.transposed(), weights.data(), tile.keys, Into::kSet);
    const bool capped = shape.cap > 0.0;
    if (capped) cap_scores(shape, weights, bend);
    const Real scale = capped ? Real(1) : score_scale<Real>(shape);
    for (Index i = 0; i < tile.rows; ++i) {
        const Index token = tile.row + i, end = token + 1 - tile.key;
        const Index begin =
            shape.window > 0 ? std::max<Index>(0, token - shape.window + 1 - tile.key) : 0;
        Real* row = weights.row(i).data();
        softmax(row + begin, end - begin, scale);
        std::fill(row, row + begin, Real(0));
        std::fill(row + end, row + tile.keys, Real(0));
    }
}

/// Scores of a tile of a sequence of n tokens.
template <class Real>
struct Scratch {
    Column<Real> numbers;
    explicit Scratch(Index n) : numbers(std::min(kTileRows, n) * n) {}
    RowsMap<Real> of(const Tile& tile) { return {numbers.data(), tile.rows, tile.keys}; }
};

/// Where the columns of a head begin in the first row of a sequence.
template <class Matrix>
auto* start(Matrix& x, const Prompt& s, Index head, Index size) {
    return x.data() + s.first * x.cols() + head * size;
}
/// The rows of a sequence in the columns of a head.
template <class Real>
View<Real> part(const Rows<Real>& x, const Prompt& s, Index head, Index size) {
    return {start(x, s, head, size), s.length, size, x.cols()};
}

/// Calls `work(sequence, kv head)` for all, each by one thread.
template <class Work>
void for_each_group(const Heads& shape, std::span<const Prompt> sequences, Work work) {
    const Index tasks = static_cast<Index>(sequences.size()) * shape.kv_heads;
#pragma omp parallel for schedule(dynamic, 4)
    for (Index task = 0; task < tasks; ++task)
        work(sequences[static_cast<std::size_t>(task / shape.kv_heads)], task % shape.kv_heads);
}

/// keys^T (h, m) and values (n, w) of one head as the kernel reads them, padded with zeros.
struct PaddedHead {
    Rows<float> keys, values;
    PaddedHead(const View<float>& k, const View<float>& v) {
        const auto padded = [](Index n) { return (n + kLanes - 1) / kLanes * kLanes; };
        keys.setZero(k.cols, padded(k.rows));
        values.setZero(v.rows, padded(v.cols));
        for (Index i = 0; i < k.rows; ++i)
            for (Index c = 0; c < k.cols; ++c) {
                keys(c, i) = k.data[i * k.row_stride + c];
                values(i, c) = v.data[i * v.row_stride + c];
            }
    }
};

template <class Real>
void attention_by_tiles(const Heads& shape, std::span<const Prompt> sequences,
                        const Rows<Real>& query, const Rows<Real>& key, const Rows<Real>& value,
                        Rows<Real>& mixed) {
    const Index h = shape.size, shared = shape.heads / shape.kv_heads;
    for_each_group(shape, sequences, [&](const Prompt& s, Index kv) {
        const View<Real> k = part(key, s, kv, h), v = part(value, s, kv, h);
        Scratch<Real> scratch(s.length);
        for (Index head = kv * shared; head < (kv + 1) * shared; ++head)
            for_each_tile(shape, s.length, [&](const Tile& tile) {
                const auto q = part(query, s, head, h).block(tile.row, 0, tile.rows, h);
                const RowsMap<Real> p = scratch.of(tile);
                attention_weights(shape, tile, q, k.block(tile.key, 0, tile.keys, h), p);
                multiply(view_of(p), v.block(tile.key, 0, tile.keys, h),
                         start(mixed, s, head, h) + tile.row * mixed.cols(), mixed.cols(),
                         Into::kSet);
            });
    });
}

}  // namespace

/// One query after another, but with a cap: inference takes sequences as long as the context.
template <>
void attention_forward(const Heads& shape, std::span<const Prompt> sequences,
                       const Rows<float>& query, const Rows<float>& key, const Rows<float>& value,
                       Rows<float>& mixed) {
    const Index h = shape.size, shared = shape.heads / shape.kv_heads;
    mixed.resize(query.rows(), query.cols());
    if (shape.cap > 0.0) return attention_by_tiles(shape, sequences, query, key, value, mixed);
    for_each_group(shape, sequences, [&](const Prompt& s, Index kv) {
        const PaddedHead padded(part(key, s, kv, h), part(value, s, kv, h));
        Column<float> scores(padded.keys.cols());
        for (Index head = kv * shared; head < (kv + 1) * shared; ++head)
            best_kernels().attend({start(query, s, head, h), query.cols(), padded.keys.data(),
                                   padded.values.data(), start(mixed, s, head, h), mixed.cols(),
                                   scores.data(), s.length, h, shape.window,
                                   score_scale<float>(shape)});
    });
}

template <>
void attention_forward(const Heads& shape, std::span<const Prompt> sequences,
                       const Rows<double>& query, const Rows<double>& key,
                       const Rows<double>& value, Rows<double>& mixed) {
    mixed.resize(query.rows(), query.cols());
    attention_by_tiles(shape, sequences, query, key, value, mixed);
}

template <class Real>
void attention_backward(const Heads& shape, std::span<const Prompt> sequences,
                        const Rows<Real>& query, const Rows<Real>& key, const Rows<Real>& value,
                        const Rows<Real>& dmixed, Rows<Real>& dquery, Rows<Real>& dkey,
                        Rows<Real>& dvalue) {
    const Index h = shape.size, shared = shape.heads / shape.kv_heads;
    dquery.resize(query.rows(), query.cols());
    dkey.setZero(key.rows(), key.cols());
    dvalue.setZero(value.rows(), value.cols());
    for_each_group(shape, sequences, [&](const Prompt& s, Index kv) {
        Scratch<Real> weights(s.length), slopes(s.length), bends(shape.cap > 0.0 ? s.length : 0);
        for (Index head = kv * shared; head < (kv + 1) * shared; ++head)
            for_each_tile(shape, s.length, [&](const Tile& tile) {
                const auto rows_of = [&](const Rows<Real>& x) {
                    return part(x, s, head, h).block(tile.row, 0, tile.rows, h);
                };
                const auto keys_of = [&](const Rows<Real>& x) {
                    return part(x, s, kv, h).block(tile.key, 0, tile.keys, h);
                };
                const View<Real> q = rows_of(query), k = keys_of(key), dout = rows_of(dmixed);
                const Index from = tile.key * dkey.cols();
                const RowsMap<Real> p = weights.of(tile);
                RowsMap<Real> ds = slopes.of(tile);
                RowsMap<Real> bend = bends.of(tile);
                attention_weights(shape, tile, q, k, p, &bend);
                multiply(view_of(p).transposed(), dout, start(dvalue, s, kv, h) + from,
                         dvalue.cols(), Into::kAdd);
                multiply(dout, keys_of(value).transposed(), ds.data(), tile.keys, Into::kSet);
                const Column<Real> along = p.cwiseProduct(ds).rowwise().sum();
                ds.colwise() -= along;
                ds.array() *= p.array() * score_scale<Real>(shape);
                if (shape.cap > 0.0) ds.array() *= bend.array();
                multiply(view_of(ds), k, start(dquery, s, head, h) + tile.row * dquery.cols(),
                         dquery.cols(), Into::kSet);
                multiply(view_of(ds).transposed(), q, start(dkey, s, kv, h) + from, dkey.cols(),
                         Into::kAdd);
            });
    });
}

#define PREFDYN_INSTANTIATE(Real)                                                              \
    template void attention_backward(const Heads&, std::span<const Prompt>, const Rows<Real>&, \
                                     const Rows<Real>&, const Rows<Real>&, const Rows<Real>&,  \
                                     Rows<Real>&, Rows<Real>&, Rows<Real>&);
PREFDYN_INSTANTIATE(float)
PREFDYN_INSTANTIATE(double)
#undef PREFDYN_INSTANTIATE

}  // namespace prefdyn::transformer
