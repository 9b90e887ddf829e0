#pragma once
#include "experiments/parameter_table.hpp"

namespace prefdyn {

/// Where results go and with how many threads: no part of a run's identity.
struct OutputOptions {
    std::string out;
    bool force = false;
    Index threads = 0;
};

/// `otherwise` says where the result goes without --out; the option is required if it is empty.
void declare(ParameterTable& table, OutputOptions& options, const std::string& otherwise = {});

/// Sets the number of OpenMP threads.
void apply(const OutputOptions& options);

/// Seconds since construction.
class Stopwatch {
  public:
    Stopwatch();
    double seconds() const;

  private:
    double start_;
};

}  // namespace prefdyn
