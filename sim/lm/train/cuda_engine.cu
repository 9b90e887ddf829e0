#include "sim/lm/model/device/cuda_machine.cuh"
#include "sim/lm/model/layer_backend.hpp"
#include "sim/lm/train/cuda_engine.hpp"
#include "sim/lm/train/device_engine.hpp"

namespace prefdyn::finetune {

std::unique_ptr<Pass> make_cuda_pass(const ModelConfig& config, const Parameters<float>& weights,
                                     const std::vector<bool>& trainable, Index longest,
                                     Precision precision) {
    require_card_layers(config);
    return device::make_device_pass(std::make_unique<device::CudaMachine>(precision), config,
                                    weights, trainable, longest, precision);
}

std::unique_ptr<Engine> make_cuda_engine(const ModelConfig& config,
                                         const Parameters<float>& weights, const EngineSpec& spec,
                                         Index longest) {
    require_card_layers(config);
    return device::make_device_engine(
        std::make_unique<device::CudaMachine>(spec.arithmetic.precision), config, weights, spec,
        longest);
}

}  // namespace prefdyn::finetune
