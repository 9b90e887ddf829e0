#include "sim/base/freed_memory.hpp"
#include "sim/cuda/device.hpp"
#include "sim/lm/model/layer_backend.hpp"
#include "sim/lm/train/device_engine.hpp"

namespace prefdyn::finetune {

std::unique_ptr<Pass> make_pass(const ModelConfig& config, const Parameters<float>& weights,
                                const std::vector<bool>& held, Index longest,
                                transformer::Precision precision) {
    transformer::require_precision(precision);
    if (on_gpu())
        return make_device_pass(card::cuda_factory(), config, weights, held, longest, precision);
    return std::make_unique<ModelPass<float>>(config, weights, held, longest);
}

std::unique_ptr<Engine> make_engine(const ModelConfig& config, const Parameters<float>& weights,
                                    const EngineSpec& spec, Index longest) {
    transformer::require_precision(spec.precision);
    if (on_gpu()) return make_device_engine(card::cuda_factory(), config, weights, spec, longest);
    keep_freed_memory();
    return make_cpu_engine(config, weights, spec, longest);
}

}  // namespace prefdyn::finetune
