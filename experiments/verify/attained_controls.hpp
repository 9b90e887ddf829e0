#pragma once
// Negative controls on runs in which a bound is attained. There a bound that came out too weak, by
// a factor or in its second order, is no longer violated where it must be, and is seen.

#include <vector>

#include "experiments/studies/control.hpp"

namespace prefdyn {

/// Of the claims about single runs, T1 to T4 and T5p.
std::vector<Control> attained_controls();

}  // namespace prefdyn
