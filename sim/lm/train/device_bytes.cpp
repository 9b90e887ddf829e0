#include "sim/lm/train/cuda_engine.hpp"
#include "sim/lm/train/device_pass.hpp"

namespace prefdyn::finetune {

namespace {

/// A Machine that only counts what it is asked for.
struct CountingMachine {
    std::size_t bytes = 0;

    template <class X>
    struct Array {};
    template <class X>
    Array<X> array(std::size_t count, const char*) {
        bytes += count * sizeof(X);
        return {};
    }
};

template <class T>
std::size_t room_bytes(const ModelConfig& config, Index tokens, Index rows, Keep keep) {
    CountingMachine machine;
    device::TokenRoom<CountingMachine, T>().grow(machine, config, tokens, keep);
    device::RowRoom<CountingMachine, T>().grow(machine, config, rows);
    return machine.bytes;
}

}  // namespace

std::size_t device_bytes(const ModelConfig& config, Precision precision, Index weights,
                         Index trainable, Index tokens, Index rows, Keep keep) {
    constexpr std::size_t kWorkspace = std::size_t{32} << 20;  // of cuBLAS
    const bool half = precision == Precision::kBfloat16;
    const std::size_t room = half ? room_bytes<device::Bfloat16>(config, tokens, rows, keep)
                                  : room_bytes<float>(config, tokens, rows, keep);
    const Index numbers = (half ? 2 : 4) * weights + 4 * trainable;
    return kWorkspace + static_cast<std::size_t>(numbers) + room;
}

}  // namespace prefdyn::finetune
