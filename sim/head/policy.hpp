#pragma once
// The policy pi_W(. | x) = softmax(W g(x)) with frozen features and one response pair.

#include <functional>

#include "sim/base/stream.hpp"
#include "sim/base/types.hpp"
#include "sim/data/dataset.hpp"

namespace prefdyn {

struct Policy {
    Index vocabulary = 2;  ///< V >= 2
    Index yes = 0;         ///< token chosen where s_i = +1
    Index no = 1;          ///< token chosen where s_i = -1
    double beta = 0.1;     ///< strength of the reference, DPO
    RowMatrix reference;   ///< W_0 (V, d), or 0 x 0 for the zero head
};

/// (V, d) with independent N(0, scale^2 / d) entries: reference logits of size scale for
/// unit-variance g.
RowMatrix gaussian_head(Index vocabulary, Index dimension, double scale, std::uint64_t seed);

/// Logits of the reference head at every prompt, as far as a head update can change them: only the
/// rows of the response pair move, the others enter through their logsumexp.
struct ReferenceLogits {
    Vector yes, no;  ///< (n)
    Vector rest;     ///< (n) log sum over k not in {yes, no} of exp z_k; -infinity if V = 2
};

ReferenceLogits reference_logits(const Policy& policy, const RowMatrix& features);

/// Rounding of such a logit relative to ||g_i||, at most; 0 for a head that is zero or not there.
double reference_logit_error(const Policy& policy);

/// Rows first, first + 1, ... of a head, (count, d).
using HeadRows = std::function<RowMatrix(Index first, Index count)>;

/// The same for a head that is read a block of rows at a time; `policy.reference` is not looked at.
ReferenceLogits reference_logits(const Policy& policy, const HeadRows& head,
                                 const RowMatrix& features);

/// Rows `rows` of the logits.
ReferenceLogits select(const ReferenceLogits& logits, const std::vector<Index>& rows);

}  // namespace prefdyn
