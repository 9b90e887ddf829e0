#pragma once
// What can be said of a formula before anything is measured: whether it has a meaning, whether its
// units add up, between which numbers it lies, whether it can fail.

#include <string>
#include <vector>

#include "theory/formula/formula_claim.hpp"

namespace prefdyn::theory {

/// What a formula may speak of where it stands.
struct Scene {
    About about = About::kRuns;
    bool record_pairs = false;     ///< `name(s)` is the value at the other record
    bool behaviour_pairs = false;  ///< `name(j)` is the other behaviour's
};

struct Shape {
    Over over = Over::kNothing;
    bool records = false, truth = false;
};

/// Throws formula::Error where the formula has no meaning: unknown names with the nearest one,
/// numbers where truths are wanted, one number where one a sample is.
Shape shape_of(const formula::Node& node, const Scene& scene);

/// Throws unless the formula is one number, at the records or not; `what` names its part.
Shape require_number(const formula::Node& node, const Scene& scene, const std::string& what);

/// Throws unless the formula is a chain of relations in one direction.
void require_relation(const formula::Node& node, const Scene& scene);

struct Warning {
    std::size_t column;
    std::string text;
};
/// Where units do not add up, in powers of the features' unit.
std::vector<Warning> unit_warnings(const formula::Node& node);

/// Between which numbers it lies, from the ranges of its names.
struct Interval {
    double low, high;
};
Interval range_of(const formula::Node& node);

/// Throws formula::Error for a relation that no run can break.
void require_breakable(const formula::Node& relation, const Scene& scene);

}  // namespace prefdyn::theory
