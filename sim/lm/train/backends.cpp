#include "sim/base/freed_memory.hpp"
#include "sim/lm/model/layer_backend.hpp"
#include "sim/lm/train/cuda_engine.hpp"

namespace prefdyn::finetune {

std::unique_ptr<Pass> make_pass(const ModelConfig& config, const Parameters<float>& weights,
                                const std::vector<bool>& trainable, Index longest,
                                const Arithmetic& a) {
    require_precision(a);
    if (a.device == Device::kCuda)
        return make_cuda_pass(config, weights, trainable, longest, a.precision);
    return std::make_unique<ModelPass<float>>(config, weights, trainable, longest);
}

std::unique_ptr<Engine> make_engine(const ModelConfig& config, const Parameters<float>& weights,
                                    const EngineSpec& spec, Index longest) {
    require_precision(spec.arithmetic);
    if (spec.arithmetic.device == Device::kCuda)
        return make_cuda_engine(config, weights, spec, longest);
    keep_freed_memory();
    return make_cpu_engine(config, weights, spec, longest);
}

#ifndef PREFDYN_CUDA
namespace {
[[noreturn]] void refuse() { throw std::logic_error("this prefdyn was built without CUDA"); }
}  // namespace

std::unique_ptr<Pass> make_cuda_pass(const ModelConfig&, const Parameters<float>&,
                                     const std::vector<bool>&, Index, Precision) {
    refuse();
}
std::unique_ptr<Engine> make_cuda_engine(const ModelConfig&, const Parameters<float>&,
                                         const EngineSpec&, Index) {
    refuse();
}
#endif

}  // namespace prefdyn::finetune
