#pragma once
// Where trainers and transformers run: on the processor or on a CUDA card. Chosen once, when a
// command starts; nothing above sim/ knows which it was.

#include <cstddef>
#include <string>
#include <vector>

#include "sim/base/failure.hpp"

namespace prefdyn {

enum class Device {
    kAuto,  ///< the card where there is a usable one
    kCpu,
    kCuda,
};
const std::vector<std::string>& device_names();

/// What was selected.
struct DeviceChoice {
    bool gpu = false;
    std::string note = {};  ///< why `auto` left a card that is there alone; else empty
};

/// Engines and transformers made from now on run there; before the first call, on the processor.
/// If a card is asked for that cannot be used, throws an error saying why: DeviceError if it is
/// there and failed, else InputError.
DeviceChoice select_device(Device device);

/// True if the last choice came out as a card.
bool on_gpu();

/// A usable card: compute capability 8.0 or later.
struct GpuInfo {
    std::string name;
    int major = 0, minor = 0;  ///< compute capability
    int multiprocessors = 0;
    std::size_t memory = 0, free = 0;  ///< bytes
};

struct GpuProbe {
    bool usable = false;
    bool failed = false;  ///< there is a card this build is for, and it does not work now
    std::string problem;  ///< why not usable
    GpuInfo info;
};

/// The choice that select_device makes of a probe.
DeviceChoice choose_device(Device device, const GpuProbe& probe);

/// Bytes read plus bytes written a second by copies of 2 GiB (or half the free memory) on the card.
/// Throws std::runtime_error without one.
double gpu_copy_bandwidth();

/// Looks for the card that would be used; never throws.
GpuProbe probe_gpu();

}  // namespace prefdyn
