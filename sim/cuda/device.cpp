#include "sim/cuda/device.hpp"

#include <stdexcept>

namespace prefdyn {

DeviceChoice choose_device(DeviceOption asked, const GpuProbe& probe) {
    if (asked == DeviceOption::kCpu) return {};
    if (probe.usable) return {Device::kCuda};
    if (asked == DeviceOption::kAuto)
        return {Device::kCpu, probe.failed
                                  ? "the card is not used, the processor is: " + probe.problem
                                  : std::string()};
    const std::string what = "--device cuda: " + probe.problem;
    const std::string hint = "--device cpu runs the same on the processor";
    if (probe.failed) throw DeviceError(what, "see nvidia-smi, or " + hint);
    throw InputError(what, hint);
}

DeviceChoice select_device(DeviceOption asked) {
    return choose_device(asked, asked == DeviceOption::kCpu ? GpuProbe() : probe_gpu());
}

std::string describe(Device device) {
    return device == Device::kCuda ? "cuda " + probe_gpu().info.name : "cpu";
}

#ifndef PREFDYN_CUDA
GpuProbe probe_gpu() { return {false, false, "this prefdyn was built without CUDA", {}}; }
double gpu_copy_bandwidth() { throw std::runtime_error(probe_gpu().problem); }
#endif

}  // namespace prefdyn
