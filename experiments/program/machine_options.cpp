#include "experiments/program/machine_options.hpp"

#include <omp.h>

#include <iostream>

#include "sim/base/child.hpp"

namespace prefdyn {

void declare(ParameterTable& t, MachineOptions& o) {
    t.integer("threads", &o.threads, 0, 4096, "",
              "0 takes all cores; the results do not depend on it");
    t.choice("device", &o.device, device_names(),
             "auto takes the CUDA card where there is one; the results agree to rounding");
    declare_read_limit(t);
}

void declare_read_limit(ParameterTable& t) {
    t.integer("read-limit", &read_limit_gib, 1, 65536, "GiB",
              "memory that reading an HDF5 file from outside may take");
}

Device apply(const MachineOptions& options) {
    if (options.threads > 0) omp_set_num_threads(static_cast<int>(options.threads));
    const DeviceChoice choice = select_device(options.device);
    if (!choice.note.empty()) std::cerr << "prefdyn: " << choice.note << "\n";
    return choice.device;
}

}  // namespace prefdyn
