#pragma once
// --keep-data: what the numbers of a file were made from, for those who check them outside.

#include "experiments/program/parameter_table.hpp"
#include "experiments/results/result_writer.hpp"
#include "sim/data/dataset.hpp"
#include "sim/head/trajectory.hpp"

namespace prefdyn {

void declare_keep_data(ParameterTable& table, bool& keep);

/// Lengths of the longest of several runs; what is shorter ends in NaN.
struct KeptShape {
    std::size_t records = 0, samples = 0, dimension = 0;
    bool behaviours = false;  ///< rows are of several, whose numbers are kept as well

    void grow(const KeptShape& other);
};

/// Features, labels, the behaviours' numbers, margins and v, each along `run` axes and its own.
std::vector<Field> kept_fields(const std::vector<std::string>& run, bool behaviours = false);

/// Scales of the samples and the coordinates.
std::vector<Field> kept_scales();
void put_kept_scales(ResultWriter& writer, const KeptShape& shape);

/// Numbers of a run in each of kept_fields.
std::vector<std::size_t> kept_lengths(const KeptShape& shape);

/// A run's numbers in each of kept_fields. The run was trained with TrainSpec::keep.
std::vector<std::vector<double>> kept_values(const Dataset& data, const Trajectory& trajectory,
                                             const KeptShape& shape);

/// Throws InputError where that many runs take more than 2 GiB.
void require_kept_fits(const KeptShape& shape, double runs);

/// What is said where a run trains the whole head.
[[noreturn]] void refuse_dense_head();

}  // namespace prefdyn
