// The host's side of the card: its plan, its staging copies, and what is said without one.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "sim/lm/model/device/cuda_layer.hpp"
#include "sim/lm/model/layer_backend.hpp"

namespace prefdyn::transformer {

void device::copy_threaded(void* to, const void* from, std::size_t bytes) {
    constexpr std::size_t kBlock = std::size_t{1} << 20;
    const auto blocks = static_cast<Index>((bytes + kBlock - 1) / kBlock);
#pragma omp parallel for schedule(static) if (blocks > 1)
    for (Index b = 0; b < blocks; ++b) {
        const std::size_t at = static_cast<std::size_t>(b) * kBlock;
        std::memcpy(static_cast<std::byte*>(to) + at, static_cast<const std::byte*>(from) + at,
                    std::min(kBlock, bytes - at));
    }
}

namespace {

/// A little stays free: what is asked for is rounded up on the card.
std::size_t default_budget() {
    const std::size_t available = device::available_memory();
    return available - available / 20;
}

}  // namespace

std::unique_ptr<LayerBackend> make_cuda_backend(const ModelConfig& config, Index longest,
                                                Precision precision) {
    return make_cuda_backend(config, longest, precision, default_budget());
}

CardPlan cuda_plan(const ModelConfig& config, Precision precision, Index longest) {
    return plan_card(config, precision, longest, default_budget());
}

#ifndef PREFDYN_CUDA
namespace {
[[noreturn]] void refuse() { throw std::logic_error("this prefdyn was built without CUDA"); }
}  // namespace

std::unique_ptr<LayerBackend> make_cuda_backend(const ModelConfig&, Index, Precision, std::size_t) {
    refuse();
}

namespace device {

std::size_t available_memory() { refuse(); }
double matrix_rate(Precision, long) { refuse(); }

}  // namespace device
#endif

}  // namespace prefdyn::transformer
