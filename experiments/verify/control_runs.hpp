#pragma once
// Runs that negative controls plant their faults in.

#include "experiments/runs/run_config.hpp"

namespace prefdyn {

/// A bound made stronger by a millionth.
inline constexpr double kMillionth = 1.0 - 1e-6;

/// Early times at high resolution, where the bounds are tight; n_+ = n_-.
RunConfig early_times(std::uint64_t seed);

/// Unequal classes far from the origin: the gradient lies along the top eigenvector of M and the
/// optimum is at a finite margin, so curvature acts at full strength.
RunConfig stiff(std::uint64_t seed);

/// Features of early times, with a common mean.
Dataset synthetic_with_common_mean(std::uint64_t seed);

/// ipo in one dimension: L is a parabola of curvature kappa, so R_k = (1 - eta kappa)^k R(0), and
/// T3a, T4a and the energy inequality of a step are equalities.
RunConfig parabola(double eta_kappa, Index steps, std::uint64_t seed);

/// Rows at +1 and -1 with little spread: max ||g||^2 is all but mean ||g||^2.
RunConfig one_line(std::uint64_t seed);

/// The mean difference across a common mean that makes kappa: no curvature along the gradient.
RunConfig straight(double eta_kappa, std::uint64_t seed);

}  // namespace prefdyn
