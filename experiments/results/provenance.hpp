#pragma once
#include <string>
#include <utility>
#include <vector>

#include "sim/cuda/device.hpp"

namespace prefdyn {

/// Key and value pairs: version, commit, compiler and flags, libraries, host, device, threads,
/// date.
std::vector<std::pair<std::string, std::string>> provenance(Device device);

}  // namespace prefdyn
