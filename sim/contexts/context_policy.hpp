#pragma once
// The linear head pi_W(. | g) = softmax(W g) trained on pairs of contexts, with both softmax terms
// in the gradient: with different contexts the normaliser no longer cancels.

#include "sim/contexts/context_pairs.hpp"

namespace prefdyn {

/// log pi_W(. | g_i) in row i: W is (V, d), contexts (n, d), result (n, V).
RowMatrix log_policy(const RowMatrix& head, const RowMatrix& contexts);

class ContextTrainer {
  public:
    /// `reference` is W_0 (V, d); only DPO looks at it, and only DPO at beta.
    ContextTrainer(ContextPairs pairs, const RowMatrix& reference, Objective objective,
                   double beta);

    /// direction = -dL/dW at W; returns L.
    double descent(const RowMatrix& head, RowMatrix& direction) const;

    /// W after `steps` full-batch gradient steps of size eta.
    RowMatrix train(RowMatrix head, double eta, Index steps = 1) const;

    /// Reward margins (n) at W: m_i of the DPO loss, whatever the objective.
    Vector margins(const RowMatrix& head) const;

  private:
    Vector answer_logp(const RowMatrix& log_pi, const std::vector<Index>& tokens) const;

    ContextPairs pairs_;
    Vector reference_plus_, reference_minus_;  ///< log pi_0(y_+ | g_+), log pi_0(y_- | g_-)
    Objective objective_;
    double beta_;
};

}  // namespace prefdyn
