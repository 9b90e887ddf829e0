#pragma once
// What is measured of one behaviour while a model is trained: the metrics of its training and
// held-out pairs under TRL's names, and the geometry of its embeddings.

#include <vector>

#include "experiments/results/measures.hpp"
#include "sim/lm/train/objective.hpp"
#include "theory/statistics.hpp"

namespace prefdyn {

/// Of one behaviour at one time. NaN where there is nothing to measure: no held-out pairs, answers
/// that are not two classes.
struct BehaviourMeasure {
    finetune::MetricSums train, held_out;
    theory::DatasetStatistics geometry;  ///< of the training prompts' embeddings
    bool classes = false;                ///< geometry is there
};

/// Means over pairs (logits and entropy: over tokens).
const std::vector<Measured<finetune::MetricSums>>& pair_measures();

/// All of a behaviour, flat: the means of training pairs, of held-out pairs ("eval_..."), the
/// geometry.
const std::vector<Measured<BehaviourMeasure>>& behaviour_measures();
std::vector<double> measure_row(const BehaviourMeasure& measure);

/// Embeddings (n, d) with labels of either class.
theory::DatasetStatistics geometry_of(const transformer::RowsF& embeddings,
                                      const std::vector<std::int8_t>& label);

}  // namespace prefdyn
