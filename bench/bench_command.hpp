#pragma once
#include <iosfwd>
#include <string>
#include <vector>

namespace prefdyn {

/// Times what its options name; returns 0. Throws InputError and Interrupted.
int bench_command(const std::vector<std::string>& arguments, std::ostream& out);

}  // namespace prefdyn
