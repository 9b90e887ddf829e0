#pragma once
// What a layer does between its matrix products, forward and backward side by side. Rows are
// tokens.

#include <span>

#include "sim/lm/model/rope.hpp"

namespace prefdyn::transformer {

/// y (T, d): y_tj = w_j x_tj r_t,  r_t = (mean_j x_tj^2 + epsilon)^(-1/2); w (d), the mean in
/// double precision. y may be x.
template <class Real>
void norm_forward(const Rows<Real>& x, const Real* w, double epsilon, Rows<Real>& y);

/// dx_tj += r_t w_j dy_tj - x_tj r_t^3 / d sum_i w_i dy_ti x_ti, and, if `dw` is there,
/// dw_j += sum_t dy_tj x_tj r_t.
template <class Real>
void norm_backward(const Rows<Real>& x, const Real* w, double epsilon, const Rows<Real>& dy,
                   Rows<Real>& dx, Real* dw);

/// Rotates pair (c, c + h/2) of every head of x (T, heads h) by the angle of its token's position
/// in its sequence. Rotations are orthogonal: gradients are rotated back.
template <class Real>
void rotate_forward(const RopeTable& rope, std::span<const Prompt> sequences, Rows<Real>& x);
template <class Real>
void rotate_backward(const RopeTable& rope, std::span<const Prompt> sequences, Rows<Real>& dx);

/// a (T, f) = silu(g) u,  silu(g) = g sigma(g).
template <class Real>
void gate_forward(const Rows<Real>& g, const Rows<Real>& u, Rows<Real>& a);

/// dg = da u sigma(g) (1 + g sigma(-g)),  du = da silu(g).
template <class Real>
void gate_backward(const Rows<Real>& g, const Rows<Real>& u, const Rows<Real>& da, Rows<Real>& dg,
                   Rows<Real>& du);

}  // namespace prefdyn::transformer
