#pragma once
#include "experiments/studies/study.hpp"

namespace prefdyn {

/// Every study, in the order of theory.md.
const std::vector<Study>& studies();

}  // namespace prefdyn
