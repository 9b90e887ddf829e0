#pragma once
// Planted faults for the claims that are judged on replicates: samples of a known population.

#include "theory/claim.hpp"

namespace prefdyn {

theory::Verdict strengthened_in_high_dimension(const theory::Claim& claim, std::uint64_t seed);
/// d = 64: the fluctuation is a quarter of the bound.
theory::Verdict strengthened_in_middle_dimension(const theory::Claim& claim, std::uint64_t seed);
theory::Verdict heavy_tails(const theory::Claim& claim, std::uint64_t seed);
/// Four rows whose tails are exp(-|x/s|^(1/4)), held to the moments of exp(-|x/s|): one that lies
/// far enough alone makes the mean miss ten times as often as delta = 1e-4. (With exponent 1/2 the
/// first delta that is missed too often lies near 1e-5.)
theory::Verdict exponential_tails_presumed(const theory::Claim& claim, std::uint64_t seed);
/// Each independent sample is counted 25 times: n is 25 times too large.
theory::Verdict repeated_samples(const theory::Claim& claim, std::uint64_t seed);
/// The constant that covers Gaussian features, held against Student's t taken for alpha = 2.
theory::Verdict gaussian_constant(const theory::Claim& claim, std::uint64_t seed);

/// n = 1 and z in {-c, 0, c}: Markov's inequality is an equality at c.
theory::Verdict three_atoms(const theory::Claim& claim, std::uint64_t seed);
/// One Gaussian dimension without a mean: C follows from a quantile of |N(0, 1)|.
theory::Verdict constant_too_small(const theory::Claim& claim, std::uint64_t seed);

}  // namespace prefdyn
