#pragma once
// Preference training of a transformer, update by update: the mean objective over a minibatch, its
// gradient clipped, one step of the optimiser. The same bits for any number of threads, and after a
// restart from a saved state.

#include "sim/batches.hpp"
#include "sim/finetune/evaluation.hpp"
#include "sim/finetune/schedule.hpp"
#include "sim/finetune/trainable.hpp"
#include "sim/finetune/update_rule.hpp"

namespace prefdyn::finetune {

struct TrainingSpec {
    TrainableSpec trained;
    LossSpec loss;
    UpdateSpec update;
    ScheduleSpec schedule;
    double learning_rate = 1e-6;
    Index batch = 128;           ///< pairs of an update; the last of an epoch may have fewer
    Index steps = 1;             ///< updates
    double max_grad_norm = 1.0;  ///< 0: the gradient is not clipped
    GradientPlan plan;
    std::uint64_t seed = 0;
};

/// What an update saw, before it was made.
struct UpdateRecord {
    Index step = 0;  ///< from 1
    double epoch = 0.0, learning_rate = 0.0;
    double grad_norm = 0.0;   ///< before clipping
    double num_tokens = 0.0;  ///< of all sequences so far
    MetricSums batch;
};

class Training {
  public:
    /// `pairs` and what they view, config and layout must outlive this. `weights`: every block.
    Training(const ModelConfig& config, Parameters<float> weights, TrainingSpec spec,
             std::span<const PairTokens> pairs, std::vector<ReferenceLogps> reference);

    /// One update. Throws NonFinite with the update, and the layer or tensor.
    UpdateRecord step();
    Index done() const { return done_; }
    const TrainingSpec& spec() const { return spec_; }
    const Objective& objective() const { return objective_; }
    SequenceModel<float>& model() { return model_; }
    /// What the model computes with now.
    const Parameters<float>& weights() const { return weights_; }
    const Trainable<float>& trainable() const { return trainable_; }
    const Column<float>& theta() const { return theta_; }

    /// Everything that changes, by name; to be saved, and overwritten by `restore`.
    struct State {
        std::vector<std::pair<std::string, Column<float>>> vectors;
        std::int64_t done = 0, tokens = 0;
    };
    State state() const;
    void restore(const State& state);

  private:
    void require_finite(double norm) const;

    TrainingSpec spec_;
    std::span<const PairTokens> pairs_;
    std::vector<ReferenceLogps> reference_;
    Objective objective_;
    Trainable<float> trainable_;
    Parameters<float> weights_, base_;  ///< base_: what adapters are added to
    Parameters<float> gradient_;
    Column<float> theta_;
    std::unique_ptr<UpdateRule> rule_;
    SequenceModel<float> model_;
    BatchSampler sampler_;
    std::vector<Index> tokens_per_pair_;
    Index done_ = 0, tokens_ = 0;
};

}  // namespace prefdyn::finetune
