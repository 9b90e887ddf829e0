#pragma once
// Whether a formula has a meaning where it stands.

#include <string>

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

}  // namespace prefdyn::theory
