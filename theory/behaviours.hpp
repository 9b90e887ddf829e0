#pragma once
// Statistics of a mixture of K behaviours that share the response pair (theory.md T8).

#include "sim/data/dataset.hpp"

namespace prefdyn::theory {

/// b_k is the mean of z = s g in behaviour k. The authors' b_k is the class-mean difference
/// mu_+ - mu_-, here `difference`: twice b_k where the classes of behaviour k are balanced.
struct BehaviourStatistics {
    Vector weight;       ///< q_k = n_k / n (K)
    Matrix mean;         ///< row k is b_k (K, d)
    Matrix difference;   ///< row k is mu_k+ - mu_k- (K, d), NaN where a class is empty
    Vector mean_square;  ///< (1 / n_k) sum ||g||^2 over behaviour k (K)
    Vector mixture;      ///< bbar = sum q_k b_k (d), the zbar of the whole dataset
    Vector alignment;    ///< bbar^T b_k (K)
    Vector priority;     ///< P_k = bbar^T b_k / ||bbar|| (K), NaN where bbar vanishes

    /// Slopes at t = 0 as measured on a trainer by whoever judges the claims, (K); empty if nobody
    /// did: M_k'(0) of the mean margin and L_k'(0) of the mean loss.
    Vector margin_slope, loss_slope;

    Index behaviours() const { return weight.size(); }
};

/// Behaviours are named by data.behaviour, each of 0 ... K - 1 at least once.
BehaviourStatistics behaviour_statistics(const Dataset& data);

/// Fills alignment and priority from weight, mean and mixture.
void fill_priority(BehaviourStatistics& statistics);

/// The authors' normalised gap of two behaviours mixed half and half, a and b class-mean
/// differences: (p_a - p_b) / max(||a||, ||b||) with p the projection on (a + b) / 2. NaN where
/// a + b vanishes (to rounding): the mixture then has no direction.
double normalised_gap(const Vector& a, const Vector& b);

/// t* = 2 (P_i - P_j) / (kappa ||b_i - b_j||), up to which behaviour i is known to lead j; NaN
/// where bbar vanishes.
double lead_time(const BehaviourStatistics& statistics, Index i, Index j, double kappa);

}  // namespace prefdyn::theory
