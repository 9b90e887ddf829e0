#pragma once
// What claims look at while a transformer is trained: the numbers of every pair at a record, each
// with its distance from the same in double precision.

#include "sim/lm/train/evaluation.hpp"
#include "sim/lm/train/trainable.hpp"

namespace prefdyn {

/// Columns of a table of pairs: the loss, rewards beta (log pi - log pi_ref), their difference, log
/// pi.
enum PairColumn {
    kPairLoss,
    kPairRewardChosen,
    kPairRewardRejected,
    kPairMargin,
    kPairLogpChosen,
    kPairLogpRejected,
    kPairColumns
};

/// Of one split at a record, (n, kPairColumns) each.
struct PairRecord {
    RowMatrix value;  ///< in single precision, as the means in the result file
    RowMatrix error;  ///< how far that may be off
};

/// What the objective makes of the scores of a split: (n, kPairColumns).
RowMatrix pair_numbers(const finetune::Objective& objective,
                       std::span<const finetune::PairScore> scores,
                       std::span<const finetune::ReferenceLogps> reference);

/// The error of a number is its distance from the same in double precision, and 2^-26 of the
/// largest distance in its column: double precision rounds 2^-29 times as much.
PairRecord pair_record(const RowMatrix& single_precision, const RowMatrix& double_precision);

/// The model that trained parameters stand for, in double precision on the processor.
class DoubleModel {
  public:
    /// `longest`: tokens of the longest sequence that will come. The config and the base's layout
    /// must outlive this.
    DoubleModel(const transformer::ModelConfig& config, const finetune::Parameters<float>& base,
                const finetune::TrainableSpec& spec, std::uint64_t seed, Index longest);
    DoubleModel(const DoubleModel&) = delete;
    DoubleModel& operator=(const DoubleModel&) = delete;

    void set(const finetune::Column<float>& theta);
    finetune::Pass& pass() { return pass_; }

    /// Of the weights; what is read at a time comes on top.
    static std::size_t bytes(Index parameters) {
        return 2 * sizeof(double) * static_cast<std::size_t>(parameters);
    }

  private:
    finetune::Trainable<double> trainable_;
    finetune::Parameters<double> base_, weights_;
    finetune::ModelPass<double> pass_;
};

}  // namespace prefdyn
