#pragma once
// Between which numbers a formula lies before anything is measured, and whether it can fail.

#include "theory/formula/shape.hpp"

namespace prefdyn::theory {

/// Between which numbers it lies, from the ranges of its names.
struct Interval {
    double low, high;
};
Interval range_of(const formula::Node& node);

/// Throws formula::Error for a relation that no run can break.
void require_breakable(const formula::Node& relation, const Scene& scene);

}  // namespace prefdyn::theory
