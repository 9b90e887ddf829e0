#include "sim/cuda/device.hpp"

#include <stdexcept>

namespace prefdyn {

namespace {

bool gpu_selected = false;

}  // namespace

const std::vector<std::string>& device_names() {
    static const std::vector<std::string> names = {"auto", "cpu", "cuda"};
    return names;
}

DeviceChoice choose_device(Device device, const GpuProbe& probe) {
    if (device == Device::kCpu) return {};
    if (probe.usable) return {true};
    if (device == Device::kAuto)
        return {false, probe.failed ? "the card is not used, the processor is: " + probe.problem
                                    : std::string()};
    const std::string what = "--device cuda: " + probe.problem;
    const std::string hint = "--device cpu runs the same on the processor";
    if (probe.failed) throw DeviceError(what, "see nvidia-smi, or " + hint);
    throw InputError(what, hint);
}

DeviceChoice select_device(Device device) {
    gpu_selected = false;
    DeviceChoice choice = choose_device(device, device == Device::kCpu ? GpuProbe() : probe_gpu());
    gpu_selected = choice.gpu;
    return choice;
}

bool on_gpu() { return gpu_selected; }

#ifndef PREFDYN_CUDA
GpuProbe probe_gpu() { return {false, false, "this prefdyn was built without CUDA", {}}; }
double gpu_copy_bandwidth() { throw std::runtime_error(probe_gpu().problem); }
#endif

}  // namespace prefdyn
