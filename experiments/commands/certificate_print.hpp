#pragma once
#include <iosfwd>

#include "experiments/certify/certificate_fields.hpp"

namespace prefdyn {

/// A line each: claim, control, and what came of it.
void print_certificates(std::ostream& out, const std::vector<certify::Certified>& all);

}  // namespace prefdyn
