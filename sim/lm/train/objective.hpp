#pragma once
// The preference objective on whole responses: log pi(y | x) is the sum over the tokens of y, the
// prompt does not count; rewards are r = beta (log pi - log pi_ref)(y | x).

#include <memory>
#include <optional>

#include "sim/lm/train/divergence.hpp"
#include "sim/lm/train/pair_batch.hpp"
#include "sim/loss/loss.hpp"

namespace prefdyn::finetune {

/// What the logits say of one response.
struct ResponseScore {
    double logp = 0.0;     ///< sum of log pi over its tokens times PairBatch::share, nats
    double entropy = 0.0;  ///< sum over its tokens of the entropy of what could be there
    double logit = 0.0;    ///< sum over its tokens of the vocabulary's mean logit
    Index correct = 0;     ///< tokens that are the likeliest
    Index length = 0;
    double whole = 0.0;  ///< sum of log pi over its tokens
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

/// Names of losses that a sum may have: those of loss_names(), sft and aot_unpaired.
std::vector<std::string> objective_names();
/// Throws InputError unless the text is a weighted sum of such names.
void require_objective(const std::string& text);
/// Throws InputError if a loss of the sum is known under the reverse KL divergence alone: under
/// another one rewards hold an unknown constant of the prompt, which only a difference loses.
void require_divergence(const std::string& text, const Divergence& divergence);

/// A weighted sum of losses, as "sigmoid + 0.1 sft". Of a batch of pairs,
///   sft is -sum log pi(chosen) / sum of the lengths of chosen answers,
///   aot and aot_unpaired compare what was sorted over the batch.
class Objective {
  public:
    /// `spec.name` may be such a sum; InputError if it is none, or not known under the divergence.
    /// Every term gets the other members.
    explicit Objective(const LossSpec& spec, const Divergence& divergence = {});

    /// The loss of one pair, d loss / d log pi of chosen and rejected, and d loss / d
    /// ResponseScore:: whole of chosen. Losses read the divergence's scores of log-ratios; ipo and
    /// sigmoid_norm divide them by the lengths. Rewards of metrics are beta times log-ratios.
    struct Value {
        double loss = 0.0, chosen = 0.0, rejected = 0.0, whole = 0.0;
    };
    /// Of the pairs of a batch; the batch's loss is the mean of theirs. `sft_share`: pairs over
    /// tokens of chosen answers, if the scores are not the whole batch.
    std::vector<Value> at(std::span<const PairScore> scores,
                          std::span<const ReferenceLogps> references,
                          std::optional<double> sft_share = {}) const;
    Value at(const PairScore& score, const ReferenceLogps& reference) const;
    MetricSums metrics(const PairScore& score, const ReferenceLogps& reference, double loss) const;
    MetricSums metrics(const PairScore& score, const ReferenceLogps& reference) const {
        return metrics(score, reference, at(score, reference).loss);
    }
    /// Whether a pair's loss depends on the others of its batch.
    bool sorts() const;
    double beta() const { return beta_; }
    /// Whether log-ratios are divided by the lengths of answers.
    bool by_length() const;
    const Divergence& divergence() const { return divergence_; }
    /// The loss if it is one that preference losses know, else null.
    const PreferenceLoss* only() const {
        return terms_.size() == 1 ? terms_[0].loss.get() : nullptr;
    }

  private:
    enum class Kind { kPair, kByLength, kSft, kAot, kAotUnpaired };
    struct Term {
        Kind kind;
        double weight;
        std::unique_ptr<PreferenceLoss> loss;  ///< null: sft
    };
    void add_pairwise(const Term& term, std::span<const PairScore> scores,
                      std::span<const ReferenceLogps> references, std::vector<Value>& out) const;
    void add_sorted(const Term& term, std::span<const PairScore> scores,
                    std::span<const ReferenceLogps> references, std::vector<Value>& out) const;

    std::vector<Term> terms_;
    double beta_;
    Divergence divergence_;
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
