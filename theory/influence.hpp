#pragma once
// What happens to probabilities when a linear head is trained (theory.md T12). One update changes
// the log-probabilities of a context g_o by
//     d log pi_o = -eta A_o sum_u K(o, u) G_u,   A_o = I - 1 pi_o^T,   K(o, u) = <g_o, g_u> I,
// G_u the gradient of the loss in the logits of context g_u. All of it follows from W and the
// contexts, never from a trainer.
//   T12a  the response is exact to first order        first_order.cpp
//   T12b  one context: the chosen token never falls   displacement.cpp
//   T12c  two contexts: when the chosen token falls   displacement.cpp
//   T12d  the negative gradient squeezes              squeezing.cpp
//   T12e  what the first order leaves out, for any step size   first_order.cpp

#include <vector>

#include "sim/contexts/context_pairs.hpp"
#include "theory/claim.hpp"

namespace prefdyn::theory {

/// log pi at the observed contexts (m, V) after an update (or `step` of them) of size eta.
struct ProbabilityRecord {
    double step, eta;
    RowMatrix logp;
};

/// What is claimed about the training and what was measured.
struct InfluenceFacts {
    ContextPairs pairs;
    Objective objective = Objective::kDpo;
    double beta = 0.1;
    RowMatrix head, reference;  ///< W before the first update, and W_0 (V, d)
    RowMatrix contexts;  ///< observed g_o (m, d); row 0 is g_+ and row 1 g_- of the first example
    std::vector<ProbabilityRecord> single;  ///< one update each, all from `head`; eta falls
    std::vector<ProbabilityRecord> path;    ///< updates in a row, step 0 = `head` first
};

/// log softmax(z); e_y - pi, what G is made of.
Vector log_softmax(const Vector& logits);
Vector pull(const Vector& log_pi, Index token);

/// What scales example i's gradient at `head`: 1 / n, or beta sigma(-m_i) / n for DPO.
double example_weight(const InfluenceFacts& facts, Index i);

/// d / d eta of the logits and log-probabilities of the observed contexts at eta = 0.
struct Response {
    RowMatrix log_pi;  ///< log pi_o before the update (m, V)
    RowMatrix logits;  ///< -sum_u K(o, u) G_u
    RowMatrix logp;    ///< A_o times that
    Vector range;      ///< max - min over tokens of the logits' response, (m)
    Vector variance;   ///< its variance under pi_o, (m)
};

Response first_order_response(const InfluenceFacts& facts);

/// eta d log pi - (change of log pi) is the same for every token and lies in [low, high].
struct Shortfall {
    double low, high;
};

/// With z(eta) = z + eta dz the shortfall is f(eta) = lse(z + eta dz) - lse(z) - eta <pi, dz>:
/// f(0) = f'(0) = 0 and f'' = Var(dz) under the moving pi, which is at most range^2 / 4 and changes
/// by a factor of at most exp(range) per unit of eta (its derivative is the third cumulant).
Shortfall shortfall(double variance, double range, double eta);

/// Rounding of log pi_o as measured at W + Delta W: logits are sums of d products, twice, a
/// normaliser one of V exponentials.
double logp_rounding(const InfluenceFacts& facts, Index context, const RowMatrix& measured);
/// Changes of log pi_o are told apart relative to the size of log pi_o itself, at least 1.
Worth logp_worth(const InfluenceFacts& facts, Index context);

/// CHES of Razin et al., from the sums of hidden states over the chosen and the rejected answer:
/// <h_-, h_+> - ||h_+||^2. Zero where both answers sit in one context.
double ches(const Vector& chosen_hidden, const Vector& rejected_hidden);

/// d log pi(y_+ | g_+) / d eta of one DPO pair:
/// beta sigma(-m) ( ||g_+||^2 ||e_+ - pi_+||^2 - <g_+, g_-> <e_+ - pi_+, e_- - pi_-> ).
double chosen_rate(const InfluenceFacts& facts);

Assumption has_influence();
Assumption one_update_measured();
Assumption path_measured();
Assumption trained_by(Objective objective);
Assumption one_example();
Assumption one_context();

}  // namespace prefdyn::theory
