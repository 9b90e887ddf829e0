#pragma once
#include <string>
#include <utility>
#include <vector>

#include "sim/cuda/device.hpp"

namespace prefdyn {

/// Key and value pairs: version, commit, compiler and flags, libraries, host, device, threads,
/// arithmetic (arithmetic_mark), date.
using Provenance = std::vector<std::pair<std::string, std::string>>;
Provenance provenance(Device device);

/// Which program this is, as far as its numbers go: version, commit, compiler and flags.
std::string program_name();

}  // namespace prefdyn
