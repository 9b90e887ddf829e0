#pragma once
// Tests that need a CUDA card say so loudly where there is none.

#include <iostream>

#include "sim/device.hpp"

namespace prefdyn::test {

/// False, with a line that counts the cases left out, if there is no usable card.
inline bool gpu_available() {
    static const GpuProbe probe = probe_gpu();
    static int skipped = 0;
    if (probe.usable) return true;
    std::cout << "SKIPPED: GPU test " << ++skipped << " (" << probe.problem << ")\n";
    return false;
}

/// The card for one scope.
struct OnGpu {
    OnGpu() { select_device(Device::kCuda); }
    ~OnGpu() { select_device(Device::kCpu); }
};

}  // namespace prefdyn::test
