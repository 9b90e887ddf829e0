#pragma once
// What the last-layer experiments train on: rows, labels and the base model's logits.

#include "experiments/scaled/scaled.hpp"

namespace prefdyn {

/// One behaviour, cut into training and held-out rows, with the reference head's logits of all.
class LastLayer {
  public:
    /// `data` must outlive this object; `reference` are its rows' logits under the head `head`.
    LastLayer(const Dataset& data, SplitRows rows, Policy policy, ReferenceLogits reference,
              std::string head)
        : data_(&data),
          rows_(std::move(rows)),
          policy_(std::move(policy)),
          reference_(std::move(reference)),
          head_(std::move(head)) {}

    PreferenceTask task() const;
    /// Every label the other way round.
    LastLayer flipped() const;
    /// The reference head is what an earlier training made of it: W_0 + (e_Y - e_N) v^T.
    LastLayer moved_by(const Vector& v) const;

    RunResult train(const ScaledPlan& plan) const;
    /// The same with all V x d numbers of the head, recorded at a few of the steps.
    RunResult train_dense(const ScaledPlan& plan, const HeadRows& head) const;

  private:
    const Dataset* data_;
    SplitRows rows_;
    Policy policy_;
    ReferenceLogits reference_;  ///< (n) each
    std::string head_;           ///< in run ids
    bool flipped_ = false;
};

/// One a behaviour. Throws InputError if a class is missing on a side of a split.
std::vector<LastLayer> last_layers(const ScaledInput& input, const ScaledPlan& plan);

/// `plan.pairs` of all pairs, evenly from the largest normalised gap to the smallest, on the
/// training rows of both.
std::vector<ScaledPair> train_pairs(const std::vector<LastLayer>& layers, const ScaledPlan& plan);

}  // namespace prefdyn
