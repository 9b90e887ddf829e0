#pragma once
// A model in training: its weights, what of them is trained, and the optimiser, wherever they are.

#include "sim/lm/train/pass.hpp"
#include "sim/lm/train/trainable.hpp"
#include "sim/lm/train/update_rule.hpp"

namespace prefdyn::finetune {

struct EngineSpec {
    TrainableSpec trained;
    UpdateSpec update;
    transformer::Arithmetic arithmetic;
    std::uint64_t seed = 0;  ///< of adapters
};

class Engine {
  public:
    virtual ~Engine() = default;
    /// The model as it is now, with the gradient of what is trained.
    virtual Pass& pass() = 0;
    /// The gradient gathered, in theta, clipped to max_norm (0: not), then one update. Returns its
    /// norm before clipping; if that is not finite nothing is updated.
    virtual double update(double max_norm, double eta) = 0;
    virtual Column<float> theta() const = 0;

    /// Everything that changes, by name; to be saved, and overwritten by restore().
    using Vectors = std::vector<std::pair<std::string, Column<float>>>;
    virtual Vectors state() const = 0;
    /// `steps`: updates that were made. InputError if a vector is missing or of another size.
    virtual void restore(const Vectors& vectors, std::int64_t steps) = 0;
};

/// `weights`: every block; config and layout must outlive the engine. `longest`: tokens of the
/// longest sequence that will come.
std::unique_ptr<Engine> make_engine(const ModelConfig& config, const Parameters<float>& weights,
                                    const EngineSpec& spec, Index longest);
std::unique_ptr<Engine> make_cpu_engine(const ModelConfig& config, const Parameters<float>& weights,
                                        const EngineSpec& spec, Index longest);

/// The vector of this name. InputError if there is none of `size`.
const Column<float>& named(const Engine::Vectors& vectors, const std::string& name, Index size);

}  // namespace prefdyn::finetune
