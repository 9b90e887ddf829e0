#include "sim/lm/train/attention.hpp"

#include <algorithm>
#include <cmath>

#include "sim/lm/train/product.hpp"

namespace prefdyn::finetune {

namespace {

using transformer::Prompt;

void soften(float* x, Index n, float scale) { transformer::best_kernels().softmax(x, n, scale); }

void soften(double* x, Index n, double scale) {
    const double top = *std::max_element(x, x + n);
    double total = 0.0;
    for (Index j = 0; j < n; ++j) total += x[j] = std::exp(scale * (x[j] - top));
    for (Index j = 0; j < n; ++j) x[j] /= total;
}

template <class Real>
Real score_scale(const Heads& shape) {
    return static_cast<Real>(1.0 / std::sqrt(static_cast<double>(shape.size)));
}

/// P (n, n): rows are softmax(scale q k^T) over what a token attends to, 0 elsewhere.
template <class Real>
void attention_weights(const Heads& shape, const View<Real>& q, const View<Real>& k,
                       Rows<Real>& weights) {
    weights.resize(q.rows, q.rows);
    multiply(q, k.turned(), weights.data(), q.rows, Into::kSet);
    for (Index i = 0; i < q.rows; ++i) {
        const Index begin = shape.window > 0 ? std::max<Index>(0, i - shape.window + 1) : 0;
        Real* row = weights.row(i).data();
        soften(row + begin, i + 1 - begin, score_scale<Real>(shape));
        std::fill(row, row + begin, Real(0));
        std::fill(row + i + 1, row + q.rows, Real(0));
    }
}

/// The rows of a sequence in the columns of a head.
template <class Real>
View<Real> part(const Rows<Real>& x, const Prompt& s, Index head, Index size) {
    return {x.data() + s.first * x.cols() + head * size, s.length, size, x.cols()};
}
template <class Real>
Real* start(Rows<Real>& x, const Prompt& s, Index head, Index size) {
    return x.data() + s.first * x.cols() + head * size;
}

/// Calls `work(sequence, kv head)` for all, each by one thread.
template <class Work>
void for_each_group(const Heads& shape, std::span<const Prompt> sequences, Work work) {
    const Index tasks = static_cast<Index>(sequences.size()) * shape.kv_heads;
#pragma omp parallel for schedule(dynamic, 4)
    for (Index task = 0; task < tasks; ++task)
        work(sequences[static_cast<std::size_t>(task / shape.kv_heads)], task % shape.kv_heads);
}

}  // namespace

template <class Real>
void attention_forward(const Heads& shape, std::span<const Prompt> sequences,
                       const Rows<Real>& query, const Rows<Real>& key, const Rows<Real>& value,
                       Rows<Real>& mixed) {
    const Index h = shape.size, shared = shape.heads / shape.kv_heads;
    mixed.resize(query.rows(), query.cols());
    for_each_group(shape, sequences, [&](const Prompt& s, Index kv) {
        Rows<Real> p;
        for (Index head = kv * shared; head < (kv + 1) * shared; ++head) {
            attention_weights(shape, part(query, s, head, h), part(key, s, kv, h), p);
            multiply(view_of(p), part(value, s, kv, h), start(mixed, s, head, h), mixed.cols(),
                     Into::kSet);
        }
    });
}

template <class Real>
void attention_backward(const Heads& shape, std::span<const Prompt> sequences,
                        const Rows<Real>& query, const Rows<Real>& key, const Rows<Real>& value,
                        const Rows<Real>& dmixed, Rows<Real>& dquery, Rows<Real>& dkey,
                        Rows<Real>& dvalue) {
    const Index h = shape.size, shared = shape.heads / shape.kv_heads;
    dquery.resize(query.rows(), query.cols());
    dkey.resize(key.rows(), key.cols());
    dvalue.resize(value.rows(), value.cols());
    for_each_group(shape, sequences, [&](const Prompt& s, Index kv) {
        const View<Real> k = part(key, s, kv, h), v = part(value, s, kv, h);
        Rows<Real> p, ds(s.length, s.length);
        for (Index head = kv * shared; head < (kv + 1) * shared; ++head) {
            const View<Real> q = part(query, s, head, h), dout = part(dmixed, s, head, h);
            const Into into = head == kv * shared ? Into::kSet : Into::kAdd;
            attention_weights(shape, q, k, p);
            multiply(view_of(p).turned(), dout, start(dvalue, s, kv, h), dvalue.cols(), into);
            multiply(dout, v.turned(), ds.data(), ds.cols(), Into::kSet);
            const Column<Real> along = p.cwiseProduct(ds).rowwise().sum();
            ds.colwise() -= along;
            ds.array() *= p.array() * score_scale<Real>(shape);
            multiply(view_of(ds), k, start(dquery, s, head, h), dquery.cols(), Into::kSet);
            multiply(view_of(ds).turned(), q, start(dkey, s, kv, h), dkey.cols(), into);
        }
    });
}

#define PREFDYN_INSTANTIATE(Real)                                                              \
    template void attention_forward(const Heads&, std::span<const Prompt>, const Rows<Real>&,  \
                                    const Rows<Real>&, const Rows<Real>&, Rows<Real>&);        \
    template void attention_backward(const Heads&, std::span<const Prompt>, const Rows<Real>&, \
                                     const Rows<Real>&, const Rows<Real>&, const Rows<Real>&,  \
                                     Rows<Real>&, Rows<Real>&, Rows<Real>&);
PREFDYN_INSTANTIATE(float)
PREFDYN_INSTANTIATE(double)
#undef PREFDYN_INSTANTIATE

}  // namespace prefdyn::finetune
