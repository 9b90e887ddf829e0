#pragma once
// DPO and RLHF in the tabular policy class (theory.md T10): what a case of evidence
// holds, and what the theory says about it. Matrices are (P, A), one prompt a row.

#include "theory/convergence.hpp"

namespace prefdyn::theory {

/// A log policy that a solver found, and how well it says it solved.
struct Solved {
    RowMatrix log_policy;        ///< (P, A); empty if this was not solved
    double gradient_norm = 0.0;  ///< at the point found
    double curvature = 0.0;      ///< least non-zero eigenvalue of the Hessian there
};

struct TabularFacts {
    double beta = 0.1;
    Vector weight;             ///< (P) of the prompts
    RowMatrix reference;       ///< pi_ref
    RowMatrix reward;          ///< r, the true one
    std::vector<Matrix> wins;  ///< [P] (A, A): how often, or with what weight, a was preferred to b
    bool population = true;    ///< wins are exact weights, not counts of a sample
    Matrix basis;  ///< policy class theta = log pi_ref + B x, (P A, K); empty: all logits

    Solved dpo;               ///< minimiser of the DPO loss on `wins`
    Solved rlhf;              ///< RLHF's policy on `wins`: fitted reward, then its optimal policy
    RowMatrix fitted_reward;  ///< rhat, maximum likelihood on `wins`; empty if none was fitted
    RowMatrix ascent;         ///< log policy that policy gradient on J with the true r ends at
    double ascent_residual = 0.0;  ///< largest entry of the natural gradient in the logits there

    // DPO on samples drawn from `wins`: [replicate][size].
    Convergence divergence;           ///< KL(pi* || pihat), mean over prompts
    Convergence log_error;            ///< max |log pi* - log pihat|
    std::size_t without_optimum = 0;  ///< of these samples, how many fail Ford's condition
};

/// log( pi_ref exp(r / beta) / Z ), by plain logarithms; -infinity where pi_ref = 0.
RowMatrix kl_regularised_optimum(const RowMatrix& reference, const RowMatrix& reward, double beta);

/// Why prompt and responses do not satisfy Ford's condition (every response beats every other,
/// through others); empty if they do.
std::string ford_unmet(const std::vector<Matrix>& wins);

/// Probability that `samples` independent comparisons, each of which is (a, b) with probability
/// wins(a, b), fail Ford's condition: that some set of responses of a prompt never beats the rest.
/// At most the sum over all sets; at least Bonferroni's second bound over those of one prompt.
struct FordFailure {
    double least, most;
};
FordFailure ford_failure(const std::vector<Matrix>& wins, double samples);

/// Large-sample law of the gap: N KL(pi* || pihat) tends to z^T M z / 2, z standard normal,
/// M = F^(1/2) I^+ F^(1/2) / beta^2, F the Fisher matrix of pi* and I that of one comparison.
struct GapLaw {
    double mean;       ///< tr(M) / 2
    double deviation;  ///< sqrt(tr(M^2) / 2)
    double worst;      ///< largest eigenvalue of I^+: worst variance of a reward, times N
};
GapLaw gap_law(const TabularFacts& facts);

}  // namespace prefdyn::theory
