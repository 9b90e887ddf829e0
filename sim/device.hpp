#pragma once
// Where trainers and transformers run: on the processor or on a CUDA card. Chosen once, when a
// command starts; nothing above sim/ knows which it was.

#include <cstddef>
#include <string>
#include <vector>

namespace prefdyn {

enum class Device {
    kAuto,  ///< the card where there is a usable one
    kCpu,
    kCuda,
};
const std::vector<std::string>& device_names();

/// Engines and transformers made from now on run there; before the first call, on the processor.
/// Throws InputError saying why if a card is asked for and none can be used.
void select_device(Device device);

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
    std::string problem;  ///< why not: not built in, no card, driver too old, wrong architecture
    GpuInfo info;
};

/// Bytes read plus bytes written a second by copies of 2 GiB (or half the free memory) on the card.
/// Throws std::runtime_error without one.
double gpu_copy_bandwidth();

/// Looks for the card that would be used; never throws.
GpuProbe probe_gpu();

}  // namespace prefdyn
