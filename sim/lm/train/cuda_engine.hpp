#pragma once
// Training on a card.

#include "sim/lm/train/engine.hpp"

namespace prefdyn::finetune {

/// As make_pass() and make_engine(). DeviceError if the card's memory does not suffice, InputError
/// for a head it does not know, std::logic_error if this was built without CUDA.
std::unique_ptr<Pass> make_cuda_pass(const ModelConfig& config, const Parameters<float>& weights,
                                     const std::vector<bool>& trainable, Index longest,
                                     Precision precision);
std::unique_ptr<Engine> make_cuda_engine(const ModelConfig& config,
                                         const Parameters<float>& weights, const EngineSpec& spec,
                                         Index longest);

/// Bytes on the card of a model of `weights` numbers, with the gradient of `trainable` of them, and
/// what a batch of `tokens` tokens and `rows` rows of logits needs.
std::size_t device_bytes(const ModelConfig& config, Precision precision, Index weights,
                         Index trainable, Index tokens, Index rows, Keep keep);

}  // namespace prefdyn::finetune
