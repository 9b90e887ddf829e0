#pragma once
// What is measured of answers that training never names (theory.md T16).

#include <string>
#include <vector>

#include "sim/base/ball.hpp"
#include "sim/clusters/unseen_answers.hpp"

namespace prefdyn::theory {

/// A record of the policy's head, on pairs of tokens that no training pair names.
struct ImplicitRecord {
    double time;
    double ties;      ///< share of the pairs whose reward margin is exactly 0
    double accuracy;  ///< share that is ranked rightly, ties as halves
    double trained;   ///< the same on fresh prompts with the tokens of training
};

/// A record of the reward model.
struct ExplicitRecord {
    double step;
    double loss, loss_error;      ///< mean of log(1 + e^-m)
    double size, size_error;      ///< ||u||
    double margin, margin_error;  ///< min_i u . x_i / ||u||
    double accuracy;              ///< on the unseen pairs, ties as halves
};

struct UnseenFacts {
    std::vector<TokenPair> trained, unseen;
    std::vector<ImplicitRecord> policy;

    Index pairs = 0;         ///< N
    double eta_kappa = 0.0;  ///< of the reward model's gradient descent
    std::vector<ExplicitRecord> reward;
    Ball largest_low, largest_high;  ///< the largest margin lies between
};

/// A token that a training pair and an unseen pair share; -1 where there is none.
Index shared_token(const UnseenFacts& facts);

/// What record `late` owes to record `early`: its normalised margin is at least
///   -log(e^(N L) - 1) / (||u_early|| + log(L_early / L) / ((1 - eta kappa / 2) q gamma)),
/// q = (1 - e^(-N L_early)) / (N L_early), gamma <= the largest margin.
Ball margin_reached(const UnseenFacts& facts, std::size_t early, std::size_t late);

}  // namespace prefdyn::theory
