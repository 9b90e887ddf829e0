#pragma once
// How far statistics and margins of behaviours may be off.

#include "theory/behaviours.hpp"
#include "theory/claim.hpp"

namespace prefdyn::theory {

/// Slope of a mean margin per unit of bbar^T b_k: M_k'(0) = -2 beta^2 phi'(0) bbar^T b_k, for DPO
/// beta^2 bbar^T b_k.
double margin_scale(const Evidence& evidence);

/// Of a product of two means of z, the first of the whole dataset, the second of rows of mean
/// square `square` and mean of norm `length`: sums over n rows, a dot product of d numbers, a few
/// factors.
double product_error(const Evidence& evidence, double length, double square);

/// Of M_k'(0), as predicted and as measured on a trainer.
double slope_error(const Evidence& evidence, Index k);

}  // namespace prefdyn::theory
