#pragma once
// A sweep: which values every parameter takes, and how the points are numbered.

#include <string>
#include <vector>

#include "experiments/sweep/model.hpp"
#include "experiments/sweep/values.hpp"

namespace prefdyn::sweep {

enum class Design { kGrid, kRandom, kSobol, kLatinHypercube };
const std::vector<std::string>& design_names();

/// Keys that change together, with their values position by position.
struct Axis {
    std::vector<std::string> keys;
    std::vector<std::vector<std::string>> values;  ///< [key][position], all of one length
    std::size_t size() const { return values.front().size(); }
};

struct RandomKey {
    std::string key;
    ValueRange range;
};

struct ExpressionKey {
    std::string key;
    ValueExpression expression;
    bool integer;
};

struct Spec {
    const Experiment* experiment = nullptr;
    Design design = Design::kGrid;
    std::string claims;  ///< as select_claims takes them; empty: all of the experiment
    std::vector<theory::Claim> own_claims;  ///< of the spec's claim sections and claim file
    std::string own_text;                   ///< they in canonical form
    std::uint64_t seed = 1;                 ///< of the whole sweep
    std::size_t points = 0;                 ///< of a random design
    std::size_t replicates = 1;
    std::vector<std::pair<std::string, std::string>> fixed;
    std::vector<Axis> axes;  ///< of a grid, in the order of the file
    std::vector<RandomKey> random;
    std::vector<ExpressionKey> expressions;
    std::size_t records = 0;        ///< length of a curve: the most any point keeps
    std::optional<KeptShape> kept;  ///< every point's data, in this shape (--keep-data)

    /// The values that a key is given, one or those of an axis.
    std::vector<std::string> given(const std::string& key) const;
    /// Null if the key is given by no expression.
    const ExpressionKey* expression_of(const std::string& key) const;
    /// Points, replicates counted.
    std::size_t size() const;
    /// Length of every axis of the points, `replicate` last: their product is size().
    std::vector<std::size_t> shape() const;
    /// The spec in one form: equal texts mean equal sweeps.
    std::string canonical() const;
    std::string id() const;  ///< UUID of canonical()
    std::vector<theory::Claim> selected_claims() const;
    std::vector<Measure> measures() const;  ///< the experiment's and the claims'
    /// Of a row: the measures, then the data that are kept.
    std::vector<RowColumn> columns() const;
    std::size_t row_length() const;
};

/// Keeps every point's data from now on. Throws InputError where they take more than 2 GiB.
void keep_data(Spec& spec);

/// `key = value` lines, `#` starts a comment. Beside the experiment's parameters: experiment,
/// design, points, replicates, seed, claims, `zip = key key` for keys that change together, and
/// claim-file for claims as formulas; they may also stand at the end of the spec itself, each
/// behind its head [X1]. Files that it names lie beside the spec or where the program was called.
/// Throws one InputError with everything that is wrong, line by line; `place` names the file.
Spec parse_spec(const std::string& text, const std::string& place);
Spec read_spec(const std::string& path);

/// The unit cube point of each design point, (points, random keys), from (seed, design) alone.
RowMatrix design_matrix(const Spec& spec);

/// Sets the parameters of point `number`, the last axis fastest, on a fresh model's table. `unit`
/// is the design matrix. The point's seed depends on the sweep's seed, the parameters' values and
/// the replicate, not on the number: points that two sweeps share have the same seed.
/// Throws InputError naming key and value that an expression or the range does not allow.
void set_point(const Spec& spec, const RowMatrix& unit, std::size_t number, ParameterTable& table);

}  // namespace prefdyn::sweep
