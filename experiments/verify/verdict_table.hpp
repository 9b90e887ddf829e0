#pragma once
#include <iosfwd>

#include "experiments/verify/verify.hpp"

namespace prefdyn {

/// The verdict table, one line a claim, then every violation and every control that was not caught.
void print_verdicts(std::ostream& out, const Verification& verification);

}  // namespace prefdyn
