#pragma once
#include "experiments/program/parameter_table.hpp"
#include "sim/cuda/device.hpp"

namespace prefdyn {

/// What a command computes with: no part of a run's identity.
struct MachineOptions {
    Index threads = 0;
    DeviceOption device = DeviceOption::kAuto;
};

void declare(ParameterTable& table, MachineOptions& options);

/// Of the commands that read HDF5 files and have no other machine options.
void declare_read_limit(ParameterTable& table);

/// Sets the number of OpenMP threads and returns the device to compute on, with a line to standard
/// error if a card that is there cannot be used. Throws InputError if a card is asked for that
/// cannot be used, DeviceError if it is there and fails.
Device apply(const MachineOptions& options);

}  // namespace prefdyn
