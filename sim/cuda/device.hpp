#pragma once
// Where something is computed: on the processor or on a CUDA card. A command chooses once and hands
// the choice on as a value; what is told nothing computes on the processor.

#include <cstddef>
#include <string>
#include <vector>

#include "sim/base/failure.hpp"

namespace prefdyn {

enum class Device { kCpu, kCuda };

/// What a user asks for; auto takes the card where there is a usable one.
enum class DeviceOption { kAuto, kCpu, kCuda };
/// Names in the order of `DeviceOption`.
inline std::vector<std::string> device_names() { return {"auto", "cpu", "cuda"}; }

struct DeviceChoice {
    Device device = Device::kCpu;
    std::string note = {};  ///< why `auto` does not use a card that is there; else empty
};

/// Looks at this machine's card where one may be taken. If a card is asked for that cannot be used,
/// throws an error saying why: DeviceError if it is there and failed, else InputError.
DeviceChoice select_device(DeviceOption asked);

/// "cpu", or "cuda" and the card's name.
std::string describe(Device device);

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
DeviceChoice choose_device(DeviceOption asked, const GpuProbe& probe);

/// Bytes read plus bytes written a second by copies of 2 GiB (or half the free memory) on the card.
/// Throws std::runtime_error without one.
double gpu_copy_bandwidth();

/// Looks for the card that would be used; never throws.
GpuProbe probe_gpu();

}  // namespace prefdyn
