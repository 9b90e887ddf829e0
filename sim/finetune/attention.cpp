#include "sim/finetune/attention.hpp"

#include <algorithm>
#include <cmath>

namespace prefdyn::finetune {

namespace {

using transformer::Prompt;

/// Row i becomes softmax(scale row) over what token i attends to, 0 elsewhere.
template <class Real>
void causal_softmax(Rows<Real>& scores, Real scale, Index window) {
    for (Index i = 0; i < scores.rows(); ++i) {
        const Index begin = window > 0 ? std::max<Index>(0, i - window + 1) : 0;
        Real* row = scores.row(i).data();
        const Real top = *std::max_element(row + begin, row + i + 1);
        Real total = 0;
        for (Index j = begin; j <= i; ++j) total += row[j] = std::exp(scale * (row[j] - top));
        for (Index j = begin; j <= i; ++j) row[j] /= total;
        std::fill(row, row + begin, Real(0));
        std::fill(row + i + 1, row + scores.cols(), Real(0));
    }
}

template <class Real>
Real score_scale(const Heads& shape) {
    return static_cast<Real>(1.0 / std::sqrt(static_cast<double>(shape.size)));
}

template <class Real>
Rows<Real> attention_weights(const Heads& shape, const Rows<Real>& q, const Rows<Real>& k) {
    Rows<Real> weights = q * k.transpose();
    causal_softmax(weights, score_scale<Real>(shape), shape.window);
    return weights;
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
        const Rows<Real> k = key.block(s.first, kv * h, s.length, h);
        const Rows<Real> v = value.block(s.first, kv * h, s.length, h);
        for (Index head = kv * shared; head < (kv + 1) * shared; ++head) {
            const Rows<Real> q = query.block(s.first, head * h, s.length, h);
            const Rows<Real> out = attention_weights(shape, q, k) * v;
            mixed.block(s.first, head * h, s.length, h) = out;
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
        const Rows<Real> k = key.block(s.first, kv * h, s.length, h);
        const Rows<Real> v = value.block(s.first, kv * h, s.length, h);
        Rows<Real> dk = Rows<Real>::Zero(s.length, h), dv = dk;
        for (Index head = kv * shared; head < (kv + 1) * shared; ++head) {
            const Rows<Real> q = query.block(s.first, head * h, s.length, h);
            const Rows<Real> dout = dmixed.block(s.first, head * h, s.length, h);
            const Rows<Real> p = attention_weights(shape, q, k);
            dv.noalias() += p.transpose() * dout;
            Rows<Real> ds = dout * v.transpose();
            const Column<Real> along = p.cwiseProduct(ds).rowwise().sum();
            ds.colwise() -= along;
            ds.array() *= p.array() * score_scale<Real>(shape);
            const Rows<Real> dq = ds * k;
            dquery.block(s.first, head * h, s.length, h) = dq;
            dk.noalias() += ds.transpose() * q;
        }
        dkey.block(s.first, kv * h, s.length, h) = dk;
        dvalue.block(s.first, kv * h, s.length, h) = dv;
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
