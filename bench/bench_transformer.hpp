#pragma once
#include <iosfwd>

#include "bench/bench_options.hpp"

namespace prefdyn {

/// Embeds random prompts with a generated Llama of 110 million parameters and holds the rate
/// against that of a large matrix product in the same run.
void bench_transformer(std::ostream& out, const BenchOptions& options);

}  // namespace prefdyn
