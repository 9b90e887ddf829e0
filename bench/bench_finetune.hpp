#pragma once
#include <iosfwd>

#include "bench/bench_options.hpp"

namespace prefdyn {

/// Full DPO updates of a generated Llama of 110 million parameters on random pairs, by the clock
/// and by processor time, and the memory against what was planned.
void bench_finetune(std::ostream& out, const BenchOptions& options);

}  // namespace prefdyn
