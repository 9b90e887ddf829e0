// Without the CUDA toolkit the processor does it all.
#ifndef PREFDYN_CUDA
#include "sim/head/layer_device.hpp"

namespace prefdyn {

std::unique_ptr<LayerDevice> make_layer_device(const RowMatrix&, const RowMatrix&, double, Device) {
    return nullptr;
}

}  // namespace prefdyn
#endif
