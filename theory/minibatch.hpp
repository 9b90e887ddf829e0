#pragma once
// Minibatch gradient descent beside gradient descent on all rows, from one head with one step size:
// what is measured over many orders of the batches (theory.md T2s, T6g). R records, one an update.

#include <cstddef>
#include <vector>

namespace prefdyn::theory {

/// A mean over the orders, and its standard error.
struct Expected {
    double mean, error;
};

struct MinibatchFacts {
    std::size_t orders = 0;  ///< independent ones
    bool drawn_anew = true;  ///< every batch from all rows, so that its gradient is unbiased
    /// Share of one row's variance that the mean over a batch of b of n rows has: 1 / b with
    /// replacement, (n - b) / (b (n - 1)) without.
    double share = 1.0;
    std::vector<Expected> distance;  ///< (R) of ||W_k - W_k^GD||_F^2
    /// (R) of the sum over j < k of the mean over i of ||grad l_i(W_j) - grad L(W_j)||_F^2.
    std::vector<Expected> variance;
    std::vector<Expected> average_loss;  ///< (R) of L(mean of W_0 ... W_{k-1}); NaN at the start
    std::vector<double> longest;         ///< (R) the largest ||W_k - W_0||_F of all orders
};

}  // namespace prefdyn::theory
