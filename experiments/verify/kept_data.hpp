#pragma once
// --keep-data: what the numbers of a file were made from, for those who check them outside.

#include "experiments/program/parameter_table.hpp"
#include "experiments/verify/verify.hpp"

namespace prefdyn {

void declare_keep_data(ParameterTable& table, bool& keep);

std::vector<Field> kept_data_fields();

/// Nothing unless the runs kept their data. InputError where they would take more than 2 GiB,
/// shorter runs filled up to the longest, or a run has no vector v.
void put_kept_data(ResultWriter& writer, const Verification& verification);

}  // namespace prefdyn
