#pragma once
#include "experiments/runs/kept_data.hpp"
#include "experiments/verify/verify.hpp"

namespace prefdyn {

/// Fields of --keep-data in a file of runs.
std::vector<Field> kept_data_fields();

/// Nothing unless the runs kept their data. InputError where they would take more than 2 GiB,
/// shorter runs filled up to the longest, or a run has no vector v.
void put_kept_data(ResultWriter& writer, const Verification& verification);

}  // namespace prefdyn
