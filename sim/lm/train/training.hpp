#pragma once
// Preference training of a transformer, update by update: the mean objective over a minibatch, its
// gradient clipped, one step of the optimiser. The same bits for any number of threads, and after a
// restart from a saved state.

#include "sim/data/batches.hpp"
#include "sim/lm/train/engine.hpp"
#include "sim/lm/train/evaluation.hpp"
#include "sim/lm/train/schedule.hpp"

namespace prefdyn::finetune {

struct TrainingSpec {
    TrainableSpec trained;
    LossSpec loss;
    Divergence divergence;
    UpdateSpec update;
    ScheduleSpec schedule;
    double learning_rate = 1e-6;
    Index batch = 128;           ///< pairs of an update; the last of an epoch may have fewer
    Index steps = 1;             ///< updates
    double max_grad_norm = 1.0;  ///< 0: the gradient is not clipped
    GradientPlan plan;
    transformer::Arithmetic arithmetic;
    std::uint64_t seed = 0;

    EngineSpec engine() const { return {trained, update, arithmetic, seed}; }
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
    /// The engine is one of spec.engine() on `layout`; `pairs`, what they view and the layout must
    /// outlive this.
    Training(std::unique_ptr<Engine> engine, const Layout& layout, TrainingSpec spec,
             std::span<const PairTokens> pairs, std::vector<ReferenceLogps> reference);

    /// One update. Throws NonFinite with the update, and the layer or tensor.
    UpdateRecord step();
    Index done() const { return done_; }
    const Objective& objective() const { return objective_; }
    Engine& engine() { return *engine_; }

    /// Everything that changes, by name; to be saved, and overwritten by `restore`.
    struct State {
        Engine::Vectors vectors;
        std::int64_t done = 0, tokens = 0;
    };
    State state() const;
    void restore(const State& state);

  private:
    void require_finite(double norm);

    std::unique_ptr<Engine> engine_;
    const Layout& layout_;
    TrainingSpec spec_;
    std::span<const PairTokens> pairs_;
    std::vector<ReferenceLogps> reference_;
    Objective objective_;
    BatchSampler sampler_;
    std::vector<Index> tokens_per_pair_;
    Index done_ = 0, tokens_ = 0;
};

}  // namespace prefdyn::finetune
