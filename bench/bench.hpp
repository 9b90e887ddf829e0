#pragma once
// A benchmark times one unit. Each lies in a file of its own, x.perf.cpp, which exports it.

#include "bench/options.hpp"
#include "bench/report.hpp"

namespace prefdyn::bench {

struct Benchmark {
    std::string name, flag;     ///< it runs without any flag if it has none
    bool BenchOptions::*asked;  ///< set by the flag
    std::string summary;
    void (*run)(Report& report, const BenchOptions& options);
};

Benchmark margin_pass_benchmark();
Benchmark engines_benchmark();
Benchmark heads_benchmark();
Benchmark mixture_benchmark();
Benchmark sweep_benchmark();
Benchmark embedding_benchmark();
Benchmark training_benchmark();
Benchmark claims_benchmark();

}  // namespace prefdyn::bench
