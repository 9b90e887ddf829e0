#pragma once
#include "experiments/results/result_writer.hpp"
#include "experiments/verify/verify.hpp"

namespace prefdyn {

/// Every dataset a result file about these claims may hold.
std::vector<Field> result_fields(const std::vector<theory::Claim>& claims = {});

/// Writes simulate's or verify's findings. `command` and `options` (name, value, origin lines)
/// become attributes beside the provenance and `more`.
void write_results(const std::string& path, const Verification& verification,
                   const std::string& command, const ParameterTable& options, Device device,
                   double wall_seconds,
                   const std::vector<std::pair<std::string, std::string>>& more = {});

}  // namespace prefdyn
