#pragma once
// A policy's head and an explicit reward model, both trained by gradient descent on the mean of
// log(1 + e^-m) over the same pairs.

#include "sim/clusters/unseen_answers.hpp"

namespace prefdyn {

/// W (V, d) of softmax(W g), trained by DPO from W_0: m_i = beta (dW_chosen - dW_rejected) . g_i,
/// dW = W - W_0. Rows of tokens that no pair names are never written to.
class TokenHead {
  public:
    /// W_0 is drawn from `seed`.
    TokenHead(Index tokens, Index dimension, double beta, std::uint64_t seed);

    /// One step of length eta on all pairs. Row i of `prompt` has pair i.
    void step(const RowMatrix& prompt, const std::vector<TokenPair>& pairs, double eta);
    /// m (N).
    Vector margins(const RowMatrix& prompt, const std::vector<TokenPair>& pairs) const;
    /// Row `to` is row `from` plus what they were apart at the start: a tied embedding.
    void tie(Index from, Index to);

  private:
    RowMatrix head_, start_;
    double beta_;
};

/// u (d) of the margins u . x_i, after gradient steps of length eta from 0.
class RewardModel {
  public:
    /// Rows of `gaps` (N, d) as feature_gaps gives them; borrowed.
    explicit RewardModel(const RowMatrix& gaps);

    /// Smoothness of the mean loss: lambda_max(X^T X / N) / 4.
    double kappa() const { return kappa_; }
    void step(double eta);
    const Vector& weights() const { return weights_; }
    double loss() const;

  private:
    const RowMatrix& gaps_;
    Vector weights_;
    double kappa_;
};

/// Two numbers that the largest margin max_||v||=1 min_i v . x_i lies between: by the shortest
/// convex combination of the rows that Frank and Wolfe's steps find.
struct MarginRange {
    double low, high;
};
MarginRange largest_margin(const RowMatrix& gaps, int iterations);

}  // namespace prefdyn
