#pragma once
// T9b: what the data and the start of a linear embedding g(x) = E x with head a say of the whole
// run. z_i = s_i x_i, q = mean sigma(-m_i) z_i (q_0 = zbar_x / 2), delta = mu_+ - mu_- of x,
// u = E^T a, K = E^T E, all at the start; M = mean x x^T, lambda its largest eigenvalue.

#include <string>
#include <vector>

#include "sim/base/ball.hpp"
#include "sim/data/dataset.hpp"
#include "sim/head/two_layer.hpp"

namespace prefdyn::theory {

struct EmbeddingGrowth {
    Ball q, eq, kq;            ///< ||q_0||, ||E q_0||, ||K q_0||
    Ball embedding, head;      ///< ||E||_op, ||a||
    Ball turn, spread, along;  ///< q_0^T delta, q_0^T K delta, q_0^T u
    Ball pull;                 ///< u^T delta
    /// How much sigma(-m) changes these per unit of (beta / 4) ||E^T a - u||:
    Ball bend_q, bend_eq;                     ///< lambda, sqrt(lambda lambda_max(E M E^T))
    Ball bend_turn, bend_spread, bend_along;  ///< sqrt(lambda w^T M w), w = delta, K delta, u
    double difference = 0.0;                  ///< ||delta||
    /// All z_i . z_j, E z_i . E z_j and a . E z_i are >= 0: no weight of the rows turns q around.
    bool acute = false;
};

EmbeddingGrowth embedding_growth(const Dataset& data, const TwoLayerModel& start);

/// Which condition at the start does not hold; empty if all do.
std::string growth_unmet(const EmbeddingGrowth& start);

/// By how much D^2 = ||E delta||^2 grows at least in each of the first steps of gradient descent,
/// up to `steps`, as long as the start can tell that it does not fall.
std::vector<Ball> growth_of_squared(const EmbeddingGrowth& start, double beta, double eta,
                                    std::size_t steps);

}  // namespace prefdyn::theory
