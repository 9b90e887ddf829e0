#pragma once
// One training run on one or several behaviours, with everything that is measured on the way.

#include "experiments/finetune/measure.hpp"
#include "experiments/finetune/pair_numbers.hpp"
#include "sim/data/split.hpp"
#include "sim/lm/text/sequence_pairs.hpp"
#include "sim/lm/train/gradient_split.hpp"
#include "sim/lm/train/training.hpp"

namespace prefdyn {

/// The model that training starts from, which is its reference.
struct StartModel {
    std::string name;  ///< "base" or "aligned"
    const transformer::ModelConfig* config = nullptr;
    const finetune::Parameters<float>* weights = nullptr;  ///< every block
};

/// Pairs of one behaviour, and which are trained on.
struct FinetuneBehaviour {
    text::SequencePairs data;
    SplitRows rows;

    const std::string& name() const { return data.name; }
    /// Answers are two classes, and both are trained on.
    bool classes() const { return data.pairs.front().label != 0; }
};

struct FinetunePlan {
    std::string name;
    std::vector<std::size_t> behaviours;  ///< trained together
    bool flipped = false;                 ///< chosen and rejected exchanged
    finetune::TrainingSpec training;
    Index records = 11;    ///< evaluations, the first before any update
    std::string state;     ///< file to go on from and to save to; empty: none
    Index save_every = 0;  ///< updates between saves beside those at records; 0: none
    bool judged = false;   ///< records keep what claims look at
    std::string task;      ///< what decides about the numbers, of contents alone
    /// What a saved state must belong to: the task, and which program and arithmetic began it.
    std::string identity() const;
};

/// Steps 0 ... steps, evenly spread, without repetition.
std::vector<Index> record_steps(Index steps, Index records);

/// Rows of both classes.
bool has_two_classes(const std::vector<std::int8_t>& label);

/// What a run left. P behaviours, R records.
struct FinetuneRun {
    std::string name, start;
    std::vector<std::string> behaviour;         ///< (P)
    std::vector<Index> step;                    ///< (R)
    std::vector<std::vector<double>> measures;  ///< (R P), a row of behaviour_measures() each
    std::vector<double> weight_change;          ///< (R): ||W - W_0||_F over all weights
    /// (R P): of the training pairs, then of those held out; none unless FinetunePlan::judged.
    std::vector<PairRecord> train_pairs, held_out_pairs;
    std::vector<finetune::UpdateRecord> updates;
    std::vector<finetune::GradientSplit> slope;  ///< (P): of one behaviour alone, at the start
    std::vector<double> head_slope_t1;           ///< (P): what T1 says of slope.head; NaN: nothing
    std::vector<transformer::RowsF> before, after;  ///< (P): embeddings of the training prompts
    std::vector<std::vector<std::int8_t>> label;    ///< (P): of the same
    std::string stopped;                            ///< what was not finite; else empty
    finetune::Column<float> theta;

    double measure(std::size_t record, std::size_t behaviour, const std::string& name) const;
};

/// Called with what is being done and the share of the run that is done.
using RunProgress = std::function<void(const std::string& what, double done)>;

/// Throws Interrupted after saving the state.
FinetuneRun run_finetune(const StartModel& start, const std::vector<FinetuneBehaviour>& behaviours,
                         const FinetunePlan& plan, const RunProgress& progress = {});

}  // namespace prefdyn
