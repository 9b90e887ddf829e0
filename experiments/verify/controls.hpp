#pragma once
#include <span>
#include <vector>

#include "experiments/studies/control.hpp"

namespace prefdyn {

/// The controls of the claims about single runs and of T5; a study brings its own.
const std::vector<Control>& controls();

/// These, those on runs that attain a bound, and those of every study.
std::vector<Control> all_controls();

/// Every control of the given claims: on each of `behaviours` its fault
/// can show on, on synthetic features if there is none.
std::vector<ControlResult> run_controls(const std::vector<theory::Claim>& claims,
                                        std::uint64_t seed,
                                        std::span<const Dataset> behaviours = {},
                                        double beta = 0.1);

}  // namespace prefdyn
