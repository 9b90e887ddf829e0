#pragma once
// The initial slope of the loss under gradient flow, -L'(0) = ||grad L||^2, by where it comes from.

#include "sim/lm/train/evaluation.hpp"

namespace prefdyn::finetune {

/// Squared norms of the gradient. The head's gradient and that of looking up tokens are taken apart
/// even where they are one tensor; `tied` is then twice their inner product, which the slope has on
/// top, else 0. Learned positions count with the embedding.
struct GradientSplit {
    double embedding = 0.0, final_norm = 0.0, head = 0.0, tied = 0.0;
    std::vector<double> layers;
    double total() const;
};

/// The same numbers in a layout whose head is a tensor of its own.
template <class Real>
Parameters<Real> cut_loose(const Parameters<Real>& weights, const Layout& layout);

/// Of the mean objective over all pairs. The pass gathers the gradient of every block of a layout
/// whose head is cut loose; `tied`: it is the embedding in truth.
GradientSplit gradient_split(Pass& pass, const Layout& layout, bool tied,
                             std::span<const PairTokens> pairs,
                             std::span<const ReferenceLogps> reference, const Objective& objective,
                             const GradientPlan& plan);

}  // namespace prefdyn::finetune
