#pragma once
// The hot loop of the exact reduction: margins and descent direction in one pass over G.

#include <span>

#include "sim/dataset.hpp"
#include "sim/loss.hpp"

namespace prefdyn {

/// Inputs of one pass. G is (n, d), s is (n) in {-1, +1}, v is (d), B = |rows| (all n if rows is
/// empty):
///   m_i = 2 beta s_i (g_i . v),   L = (1/B) sum phi(m_i),
///   direction = beta (1/B) sum (-phi'(m_i)) s_i g_i.
struct MarginPass {
    const RowMatrix& features;
    const std::vector<std::int8_t>& label;
    const MarginLoss& loss;
    double beta;
    std::span<const Index> rows;
};

/// Returns L; writes `direction` (d) and, if not null, margins[b] for the b-th row of the batch.
/// Rows are summed in chunks whose size depends on (B, d) alone and chunks in order, so the result
/// has the same bits for any number of threads.
double margin_pass(const MarginPass& pass, const Vector& v, Vector& direction, double* margins);

/// margins[i] = 2 beta s_i (g_i . v) for all rows.
void margins_only(const RowMatrix& features, const std::vector<std::int8_t>& label, double beta,
                  const Vector& v, double* margins);

}  // namespace prefdyn
