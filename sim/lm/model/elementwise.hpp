#pragma once
// What a layer does between its matrix products, forward and backward side by side. Rows are
// tokens.

#include <span>

#include "sim/lm/model/model_config.hpp"

namespace prefdyn::transformer {

/// w and b (width); rows of several stretches of `width` columns are normed stretch by stretch.
template <class Real>
struct NormWeights {
    const Real* weight;
    const Real* bias;  ///< null: none
    Index width;
};

/// y (T, d), every row or stretch of d columns: with NormKind::kRms
///   y_j = (w_j + offset) x_j r,  r = (mean_j x_j^2 + epsilon)^(-1/2),
/// with NormKind::kLayer
///   y_j = (w_j + offset) (x_j - m) r + b_j,  m = mean x,  r = (mean_j (x_j - m)^2 +
///   epsilon)^(-1/2);
/// means in double precision. y may be x.
template <class Real>
void norm_forward(const Rows<Real>& x, const NormWeights<Real>& w, const NormSpec& spec,
                  Rows<Real>& y);

/// With u = (x - m) r (m = 0 for kRms) and g_j = (w_j + offset) dy_j:
///   dx_j += r (g_j - [mean g] - u_j mean_i g_i u_i), [] for kLayer alone,
/// and, if they are there, dw_j += sum dy_j u_j,  db_j += sum dy_j.
template <class Real>
void norm_backward(const Rows<Real>& x, const NormWeights<Real>& w, const NormSpec& spec,
                   const Rows<Real>& dy, Rows<Real>& dx, Real* dw, Real* db);

/// Rotates pair (c, c + r/2) of every head of x (T, heads h) by the angle of its token's position
/// in its sequence, r the columns that the table rotates; the backward pass is the transpose.
template <class Real>
void rotate_forward(const RopeTable& rope, std::span<const Prompt> sequences, Rows<Real>& x);
template <class Real>
void rotate_backward(const RopeTable& rope, std::span<const Prompt> sequences, Rows<Real>& dx);

/// a (T, f) = act(g) u; act(u) where the layer has no gate.
template <class Real>
void feed_forward(const ModelConfig& config, const Rows<Real>& g, const Rows<Real>& u,
                  Rows<Real>& a);

/// dg = da u act'(g),  du = da act(g);  without a gate du = da act'(u).
template <class Real>
void feed_backward(const ModelConfig& config, const Rows<Real>& g, const Rows<Real>& u,
                   const Rows<Real>& da, Rows<Real>& dg, Rows<Real>& du);

/// z = cap tanh(scale z / cap), scale z without a cap, as config says.
void finish_logits(const ModelConfig& config, Rows<float>& z);
void finish_logits(const ModelConfig& config, Rows<double>& z);

}  // namespace prefdyn::transformer
