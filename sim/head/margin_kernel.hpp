#pragma once
// The hot loop of the exact reduction: margins and descent direction in one pass over G.

#include <span>

#include "sim/base/types.hpp"
#include "sim/data/dataset.hpp"
#include "sim/loss/loss.hpp"

namespace prefdyn {

/// Features as an engine keeps them: one prompt a row, in double or single precision.
template <class Scalar>
using Rows = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Inputs of one pass. G is (n, d), s is (n) in {-1, +1}, v is (d), B = |rows| (all n if rows is
/// empty):
///   m_i = 2 beta s_i (g_i . v),   L = (1/B) sum phi(m_i),
///   direction = beta (1/B) sum (-phi'(m_i)) s_i g_i.
/// Everything but the storage of G is double, every sum included.
template <class Scalar>
struct BasicMarginPass {
    const Rows<Scalar>& features;
    const std::vector<std::int8_t>& label;
    const MarginLoss& loss;
    double beta;
    std::span<const Index> rows;
};
using MarginPass = BasicMarginPass<double>;

/// Returns L; writes `direction` (d) and, if not null, margins[b] for the b-th row of the batch.
/// Rows are summed in chunks whose size depends on (B, d) alone and chunks in order, so the result
/// has the same bits for any number of threads, and at every level (sim/base/levels).
template <class Scalar>
double margin_pass(const BasicMarginPass<Scalar>& pass, const Vector& v, Vector& direction,
                   double* margins);

/// The same without L.
template <class Scalar>
void descent_pass(const BasicMarginPass<Scalar>& pass, const Vector& v, Vector& direction,
                  double* margins);

/// Roundings on the longest way through the sums of a pass: of a margin, and over n rows.
double margin_roundings(Index d);
double sum_roundings(Index n, Index d);

/// margins[i] = 2 beta s_i (g_i . v) for all rows.
template <class Scalar>
void margins_only(const Rows<Scalar>& features, const std::vector<std::int8_t>& label, double beta,
                  const Vector& v, double* margins);

}  // namespace prefdyn
