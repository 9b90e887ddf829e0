// Without the CUDA toolkit the processor does it all.
#ifndef PREFDYN_CUDA
#include "sim/head/head_device.hpp"

#include "sim/head/layer_device.hpp"

namespace prefdyn {

template <class Scalar>
std::unique_ptr<HeadDevice> make_head_device(const Rows<Scalar>&, const std::vector<std::int8_t>&,
                                             double, const MarginLoss&, Device) {
    return nullptr;
}
template std::unique_ptr<HeadDevice> make_head_device(const Rows<double>&,
                                                      const std::vector<std::int8_t>&, double,
                                                      const MarginLoss&, Device);
template std::unique_ptr<HeadDevice> make_head_device(const Rows<float>&,
                                                      const std::vector<std::int8_t>&, double,
                                                      const MarginLoss&, Device);

void follow(std::vector<HeadPath>&) {}

std::unique_ptr<LayerDevice> make_layer_device(const RowMatrix&, const RowMatrix&, double, Device) {
    return nullptr;
}

}  // namespace prefdyn
#endif
