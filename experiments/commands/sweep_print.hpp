#pragma once
// What the commands of sweeps say alike.

#include <iosfwd>

#include "experiments/sweep/folder.hpp"
#include "experiments/sweep/merge.hpp"
#include "experiments/sweep/spec.hpp"

namespace prefdyn {

/// Id, number of points, and of what they are made.
void print_shape(std::ostream& out, const sweep::Spec& spec);

/// Points finished, failed and missing, and what lies in the folder beside them.
void print_state(std::ostream& out, const sweep::FolderState& state);

void print_damaged(std::ostream& out, const std::vector<std::string>& damaged);

}  // namespace prefdyn
