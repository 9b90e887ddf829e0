#pragma once
#include "sim/base/types.hpp"

namespace prefdyn {

/// Margins matched by rank, for LossForm::kSorted. With x_i = log pi(y_w) - log pi(y_l) and y_i the
/// same of the reference head, aot's loss is (1/B) sum_k phi( beta (x_(k) - y_(k)) ) over the
/// order statistics. Entry i of the result is beta (x_i - y_(k)) for the rank k of x_i, so the loss
/// is the mean of phi over the entries and phi' at entry i is row i's slope: the permutation is
/// locally constant. Equal values keep the order of their rows (one of the equally good matchings;
/// there the loss has a kink). `margin` (B) is m_i = beta (x_i - y_i), `reference` (B) is y_i.
/// Margins that are not finite are returned as they are.
Vector match_by_rank(const Vector& margin, const Vector& reference, double beta);

}  // namespace prefdyn
