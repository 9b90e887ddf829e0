#pragma once
// The preference objective on whole responses: log pi(y | x) is the sum over the tokens of y, the
// prompt does not count; rewards are r = beta (log pi - log pi_ref)(y | x).

#include <memory>

#include "sim/lm/train/pair_batch.hpp"
#include "sim/loss/loss.hpp"

namespace prefdyn::finetune {

/// What the logits say of one response.
struct ResponseScore {
    double logp = 0.0;     ///< sum of log pi over its tokens, nats
    double entropy = 0.0;  ///< sum over its tokens of the entropy of what could be there
    double logit = 0.0;    ///< sum over its tokens of the vocabulary's mean logit
    Index correct = 0;     ///< tokens that are the likeliest
    Index length = 0;
};
using PairScore = std::array<ResponseScore, 2>;  ///< chosen, rejected

/// log pi of the reference for chosen and rejected.
using ReferenceLogps = std::array<double, 2>;

/// Per row of logits, in double precision.
struct RowScores {
    std::vector<double> logsumexp, entropy, mean;
    std::vector<Index> top;  ///< of equal ones the first
};
template <class Real>
RowScores score_rows(const Rows<Real>& logits);

/// All that a batch's logits say of its pairs.
struct LogitScores {
    RowScores rows;
    std::vector<double> tokens;  ///< logits of responses' tokens, in the order of for_each_token
};
template <class Real>
LogitScores score_logits(const Rows<Real>& logits, const PairBatch& batch);
std::vector<PairScore> score_pairs(const LogitScores& scores, const PairBatch& batch);

/// Sums over pairs, from which the metrics of any number of batches are made; names as TRL's.
struct MetricSums {
    double pairs = 0.0, loss = 0.0;
    double reward[2] = {}, logp[2] = {}, logit[2] = {}, length[2] = {};  ///< chosen, rejected
    double reward_wins = 0.0;  ///< pairs with r_w > r_l; ties do not win
    double reward_ties = 0.0;
    double policy_wins = 0.0;  ///< pairs with log pi(y_w) > log pi(y_l)
    double entropy = 0.0, correct = 0.0;

    void add(const MetricSums& other);
};

class Objective {
  public:
    /// InputError for a loss that pairs rewards of different prompts.
    explicit Objective(const LossSpec& spec);

    /// phi of one pair, and d phi / d log pi of chosen and rejected. ipo and sigmoid_norm divide
    /// log-ratios by the lengths.
    struct Value {
        double loss, chosen, rejected;
    };
    Value at(const PairScore& score, const ReferenceLogps& reference) const;
    MetricSums metrics(const PairScore& score, const ReferenceLogps& reference) const;
    double beta() const { return beta_; }
    const PreferenceLoss& loss() const { return *loss_; }

  private:
    std::unique_ptr<PreferenceLoss> loss_;
    double beta_;
    bool by_length_;
};

/// A gradient in logits: row r has sum over its entries of share (e_token - softmax_r).
struct LogitGradient {
    struct Entry {
        Index row;
        std::int32_t token;
        double share;
    };
    std::vector<Entry> entries;
    std::vector<double> row;  ///< sum of a row's shares
};
/// Of the sum over pairs of scale * phi.
LogitGradient logit_gradient(const PairBatch& batch, std::span<const Objective::Value> values,
                             double scale);
/// The same as numbers (rows, V).
template <class Real>
void fill_logit_gradient(const Rows<Real>& logits, const std::vector<double>& logsumexp,
                         const LogitGradient& gradient, Rows<Real>& dlogits);

}  // namespace prefdyn::finetune
