#include "sim/device.hpp"

#include <stdexcept>

#include "sim/error.hpp"

namespace prefdyn {

namespace {

bool gpu_selected = false;

}  // namespace

const std::vector<std::string>& device_names() {
    static const std::vector<std::string> names = {"auto", "cpu", "cuda"};
    return names;
}

void select_device(Device device) {
    gpu_selected = false;
    if (device == Device::kCpu) return;
    const GpuProbe probe = probe_gpu();
    if (device == Device::kCuda && !probe.usable)
        throw InputError("--device cuda: " + probe.problem,
                         "--device cpu runs the same on the processor");
    gpu_selected = probe.usable;
}

bool on_gpu() { return gpu_selected; }

#ifndef PREFDYN_CUDA
GpuProbe probe_gpu() { return {false, "this prefdyn was built without CUDA", {}}; }
double gpu_copy_bandwidth() { throw std::runtime_error(probe_gpu().problem); }
#endif

}  // namespace prefdyn
