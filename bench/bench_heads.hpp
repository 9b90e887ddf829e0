#pragma once
#include <iosfwd>

#include "bench/bench_options.hpp"

namespace prefdyn {

/// A full-batch step on a large G in single and double precision, and many small heads trained
/// together, on the selected device.
void bench_heads(std::ostream& out, const BenchOptions& options);

}  // namespace prefdyn
