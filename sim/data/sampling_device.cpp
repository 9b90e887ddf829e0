// Without the CUDA toolkit the processor does it all.
#ifndef PREFDYN_CUDA
#include "sim/data/sampling_device.hpp"

namespace prefdyn {

bool draw_on_device(Device, const ClassLaw&, const RowNames&, Eigen::Ref<RowMatrix>) {
    return false;
}
bool color_on_device(Device, const ClassLaw&, Eigen::Ref<RowMatrix>) { return false; }

}  // namespace prefdyn
#endif
