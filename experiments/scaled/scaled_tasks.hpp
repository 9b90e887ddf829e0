#pragma once
// What the last-layer experiments train on: rows, labels and the base model's logits.

#include "experiments/scaled/scaled.hpp"

namespace prefdyn {

/// One behaviour, cut into training and held-out rows, with the reference head's logits of all.
struct LastLayer {
    const Dataset* data;  ///< which outlives this object
    SplitRows rows;
    Policy policy;
    ReferenceLogits reference;  ///< (n) each, of all rows under the head
    std::string head;           ///< in run ids
    bool exchanged = false;     ///< every label the other way round

    PreferenceTask task() const;
    /// Every label the other way round.
    LastLayer flipped() const;
    /// The reference head is what an earlier training made of it: W_0 + (e_Y - e_N) v^T.
    LastLayer moved_by(const Vector& v) const;

    RunResult train(const ScaledPlan& plan) const;
    /// The same with all V x d numbers of the head, recorded at a few of the steps.
    RunResult train_dense(const ScaledPlan& plan, const HeadRows& weights) const;
};

/// Of a last layer's training.
Index last_layer_records(const ScaledPlan& plan);

/// One a behaviour. Throws InputError if a class is missing on a side of a split.
std::vector<LastLayer> last_layers(const ScaledInput& input, const ScaledPlan& plan);

/// `plan.pairs` of all pairs, evenly from the largest normalised gap to the smallest, on the
/// training rows of both.
std::vector<ScaledPair> train_pairs(const std::vector<LastLayer>& layers, const ScaledPlan& plan);

}  // namespace prefdyn
