#pragma once
#include <string>
#include <vector>

#include "sim/base/types.hpp"

namespace prefdyn {

enum class Spacing { kLinear, kLogarithmic };
inline std::vector<std::string> spacing_names() { return {"linear", "log"}; }

/// Steps to record, strictly increasing, always with 0 and `steps`; about `records` of them
/// (rounding merges neighbours).
std::vector<Index> record_steps(Index steps, Index records, Spacing spacing);

/// Times to record on [0, end], exactly `records` >= 2 of them; logarithmic spacing starts at
/// 1e-4 end after t = 0.
std::vector<double> record_times(double end, Index records, Spacing spacing);

}  // namespace prefdyn
