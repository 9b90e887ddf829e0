#pragma once
// What a sweep runs at every point. An experiment is a table of parameters and a function from
// their values to a row of numbers.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "experiments/program/parameter_table.hpp"
#include "experiments/results/measures.hpp"
#include "experiments/runs/kept_data.hpp"
#include "sim/base/numerics.hpp"
#include "sim/head/trainer.hpp"
#include "theory/claim.hpp"

namespace prefdyn::sweep {

/// A point's numbers: the measures' values in their order, those of records one after the other and
/// NaN behind their end.
using Row = std::vector<double>;

struct PointResult {
    std::string run_id;  ///< UUID of config and dataset
    Row values;
};

/// A column of a row.
struct RowColumn {
    Field field;  ///< its axes within the row
    std::size_t length;
};

/// One point: a parameter table bound to options of its own.
class Model {
  public:
    virtual ~Model() = default;
    ParameterTable& table() { return table_; }
    /// What `finish` gives ends with the run's data in this shape (--keep-data).
    void keep(const KeptShape& shape) { kept_ = shape; }
    /// Draws the data on the device; returns what is to be trained there, which borrows from this
    /// object. Throws InputError for values that cannot be run, Interrupted if asked to stop.
    virtual TrainJob begin(Device device) = 0;
    /// Judges what came of it. `records` is the length of a curve. Throws like begin.
    virtual PointResult finish(Trajectory trajectory, const std::vector<theory::Claim>& claims,
                               std::size_t records) = 0;
    /// About what one point holds in memory while it runs.
    virtual double bytes() const = 0;
    /// What the claims look at beside the numbers of a record; before begin.
    void look_at(const Kept& kept) { looked_at_ = kept; }

  protected:
    /// Appends the run's data if they are to be kept.
    void append_kept(Row& row, const Dataset& data, const Trajectory& trajectory) const;

    ParameterTable table_;
    std::optional<KeptShape> kept_;
    Kept looked_at_;
};

struct Experiment {
    std::string name, description;
    std::vector<std::string> claims;  ///< ids that can be judged at a point
    std::vector<Measure> measures;    ///< without the claims'
    std::size_t extra_records;        ///< a run may keep beyond its `records`
    bool behaviours;                  ///< rows are of several
    std::unique_ptr<Model> (*make)();
    theory::Scope own_claims = theory::Scope::kRun;  ///< which formulas can be judged at a point
};

/// `run`: one head on one synthetic dataset, as simulate trains it. `priority`: several behaviours.
const std::vector<Experiment>& experiments();

/// Of a point: the run's numbers, then the curves.
template <class Result>
std::vector<Measure> measures_of(const std::vector<Measured<Result>>& numbers,
                                 const std::vector<Measured<Record>>& curves) {
    std::vector<Measure> out;
    for (const auto& m : numbers) out.push_back(m.measure);
    for (const auto& m : curves) out.push_back(m.measure);
    return out;
}

/// A point's row of them.
template <class Result>
Row row_of(const Result& result, const std::vector<Measured<Result>>& numbers,
           const std::vector<Measured<Record>>& curves, std::size_t length) {
    Row out;
    for (const auto& m : numbers) out.push_back(m.get(result));
    const std::vector<Record>& records = result.trajectory.records;
    for (const auto& m : curves)
        for (std::size_t k = 0; k < length; ++k)
            out.push_back(k < records.size() ? m.get(records[k]) : kNan);
    return out;
}

/// Status (the number of theory::Status), slack and largest tightness of a claim.
std::vector<Measure> claim_measures(const std::string& id);

/// Appends them of every claim.
void append_verdicts(Row& row, const std::vector<theory::Claim>& claims,
                     const theory::Evidence& evidence);

/// What they take in a row, curves of so many records.
std::size_t row_length(const std::vector<Measure>& measures, std::size_t records);

}  // namespace prefdyn::sweep
