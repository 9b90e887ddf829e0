#pragma once
// One training run on one or several behaviours, with everything that is measured on the way.

#include "experiments/finetune/measure.hpp"
#include "sim/finetune/gradient_split.hpp"
#include "sim/finetune/training.hpp"
#include "sim/split.hpp"
#include "sim/text/sequence_pairs.hpp"

namespace prefdyn {

/// A model to start from. The same for many runs.
struct StartModel {
    std::string name;  ///< "base" or "aligned"
    const transformer::Checkpoint* checkpoint = nullptr;
    const finetune::Layout* layout = nullptr;
    const finetune::Parameters<float>* weights = nullptr;  ///< the reference as well
};

/// Pairs of one behaviour and which of them are trained on.
struct FinetuneBehaviour {
    text::SequencePairs data;
    SplitRows rows;
    bool classes = false;  ///< answers are two classes: labels are +1 and -1
};

struct FinetunePlan {
    std::string name, start;
    std::vector<std::size_t> behaviours;  ///< trained together
    bool flipped = false;                 ///< chosen and rejected exchanged
    finetune::TrainingSpec training;
    Index records = 11;                      ///< evaluations, the first before any update
    Index tokens = 4096;                     ///< read at a time in evaluations
    std::string state;                       ///< file to go on from and to save to; empty: none
    Index save_every = 0;                    ///< updates between saves; 0: at records alone
    std::string identity;                    ///< what a state must have been saved with
};

/// What a run left.
struct FinetuneRun {
    FinetunePlan plan;
    std::vector<std::string> behaviour;  ///< (P)
    std::vector<Index> record_step;      ///< (R)
    std::vector<std::vector<double>> measures;  ///< (R P, columns of measure_columns())
    std::vector<double> weight_change;          ///< (R): ||theta - theta_0||, of LoRA ||Delta W||
    std::vector<finetune::UpdateRecord> updates;
    std::vector<finetune::GradientSplit> slope;       ///< (P): initial, of one behaviour alone
    std::vector<double> head_slope_bound;             ///< (P): T1's ||grad_W L||^2, NaN if it has none
    std::vector<transformer::RowsF> before, after;    ///< (P): embeddings of the training prompts
    std::vector<std::vector<std::int8_t>> label;      ///< (P)
    std::string stopped;                              ///< why it ended early; empty if it did not
};

}  // namespace prefdyn
