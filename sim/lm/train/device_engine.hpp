#pragma once
// Pass and engine behind whose interface a device computes.

#include "sim/lm/train/device_trainer.hpp"
#include "sim/lm/train/engine.hpp"

namespace prefdyn::finetune {

/// Errors as make_pass() and the factory.
std::unique_ptr<Pass> make_device_pass(const card::Factory& factory, const ModelConfig& config,
                                       const Parameters<float>& weights,
                                       const std::vector<bool>& held, Index longest,
                                       transformer::Precision precision);
std::unique_ptr<Engine> make_device_engine(const card::Factory& factory, const ModelConfig& config,
                                           const Parameters<float>& weights, const EngineSpec& spec,
                                           Index longest);

/// Bytes on the device of a model of `weights` numbers, with the gradient of `held` of them, and
/// what a batch of `tokens` tokens and `rows` rows of logits needs.
std::size_t device_bytes(const ModelConfig& config, transformer::Precision precision, Index weights,
                         Index held, Index tokens, Index rows, Keep keep);

}  // namespace prefdyn::finetune
