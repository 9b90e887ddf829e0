#pragma once
#include <span>
#include <vector>

#include "experiments/studies/control.hpp"

namespace prefdyn {

/// The faults that `claims` ask to be planted in runs, the controls of T5, those on runs that
/// attain a bound, and those of every study.
std::vector<Control> controls(const std::vector<theory::Claim>& claims);

/// Every control of the given claims: on each of `behaviours` its fault
/// can show on, on synthetic features if there is none.
std::vector<ControlResult> run_controls(const std::vector<theory::Claim>& claims,
                                        std::uint64_t seed,
                                        std::span<const Dataset> behaviours = {},
                                        double beta = 0.1);

}  // namespace prefdyn
