#pragma once
// Whole data sets through the model, some thousand tokens at a time.

#include <functional>

#include "sim/lm/train/pass.hpp"

namespace prefdyn::finetune {

/// Pairs (their numbers in `which`, in order) cut into groups that read about `tokens` tokens each,
/// at least one pair.
std::vector<std::vector<std::size_t>> cut_pairs(std::span<const PairTokens> pairs,
                                                std::span<const std::size_t> which, Index tokens);

/// Tokens of the longest sequence that is read.
Index longest_read(std::span<const PairTokens> pairs);

/// Called with the number of pairs done.
using PairsDone = std::function<void(std::size_t)>;

/// `tail`: see PairBatch.
struct Evaluation {
    std::vector<PairScore> scores;
    transformer::RowsF embeddings;  ///< (n, d): the prompts' last tokens, behind the final norm
};
Evaluation evaluate(Pass& pass, std::span<const PairTokens> pairs, Index tokens,
                    const PairsDone& done = {}, double tail = 1.0);

/// log pi of both responses of every pair: of the model that is the reference.
std::vector<ReferenceLogps> logps_of(const Evaluation& evaluation);

struct GradientPlan {
    Index tokens = 4096;  ///< read at a time
    Keep keep = Keep::kAll;
    double tail = 1.0;  ///< see PairBatch
};

/// Adds the gradient of the objective on the batch of pairs in `which`; returns the sums over these
/// pairs. An objective that sorts over a batch which is read in several groups reads it twice.
MetricSums add_mean_gradient(Pass& pass, std::span<const PairTokens> pairs,
                             std::span<const std::size_t> which,
                             std::span<const ReferenceLogps> reference, const Objective& objective,
                             const GradientPlan& plan);

}  // namespace prefdyn::finetune
