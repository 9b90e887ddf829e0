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

/// A line a claim that was judged: how often it came out how.
/// Nothing unless the learning rate differs from point to point.
void print_eta(std::ostream& out, const sweep::EtaRange& eta);
void print_outcomes(std::ostream& out, const std::vector<sweep::ClaimOutcomes>& claims);

/// A line a reason: how many points.
void print_reasons(std::ostream& out, const std::string& what,
                   const std::map<std::string, std::size_t>& reasons);

/// Nothing unless segments are of several programs or kinds of machine.
void print_origins(std::ostream& out, const sweep::Origins& origins);

void print_damaged(std::ostream& out, const std::vector<std::string>& damaged);

}  // namespace prefdyn
