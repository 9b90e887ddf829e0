#pragma once
// Causal attention of every sequence by itself, H heads of which H / K in a row share the keys and
// values of one of K heads; token i attends to tokens max(0, i - window + 1) ... i. No n x n matrix
// is ever there.

#include <span>

#include "sim/lm/model/tensor.hpp"

namespace prefdyn::transformer {

struct Heads {
    Index heads, kv_heads, size;  ///< H, K, h
    Index window = 0;             ///< 0: all tokens before
    double scale = 0.0;           ///< a; 0: 1 / sqrt(h)
    double cap = 0.0;             ///< c; 0: none
};

/// For every sequence of n tokens and every head, with its q (n, h), k (n, h), v (n, h):
///   S = a q k^T, or c tanh(a q k^T / c),  P = softmax(S) over what a row attends to,
///   mixed (n, h) = P v.
/// query, mixed (T, H h); key, value (T, K h).
template <class Real>
void attention_forward(const Heads& shape, std::span<const Prompt> sequences,
                       const Rows<Real>& query, const Rows<Real>& key, const Rows<Real>& value,
                       Rows<Real>& mixed);

/// With P computed again from q and k:
///   dv = P^T dmixed,  dS = P (dP - rowsum(P dP)) with dP = dmixed v^T,  times 1 - (S / c)^2,
///   dq = a dS k,  dk = a dS^T q;  dk and dv summed over the heads that share them.
template <class Real>
void attention_backward(const Heads& shape, std::span<const Prompt> sequences,
                        const Rows<Real>& query, const Rows<Real>& key, const Rows<Real>& value,
                        const Rows<Real>& dmixed, Rows<Real>& dquery, Rows<Real>& dkey,
                        Rows<Real>& dvalue);

}  // namespace prefdyn::transformer
