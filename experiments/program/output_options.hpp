#pragma once
#include "experiments/program/machine_options.hpp"

namespace prefdyn {

/// Where results go and what they are computed with: no part of a run's identity.
struct OutputOptions {
    std::string out;
    bool force = false;
    MachineOptions machine;
};

/// `otherwise` says where the result goes without --out; the option is required if it is empty.
void declare(ParameterTable& table, OutputOptions& options, const std::string& otherwise = {});

}  // namespace prefdyn
