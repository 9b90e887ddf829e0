#pragma once
#include <map>
#include <string>

#include "experiments/results/result_writer.hpp"
#include "experiments/sweep/outcomes.hpp"
#include "experiments/sweep/spec.hpp"

namespace prefdyn::sweep {

/// The state of a sweep's folder.
struct FolderState {
    std::size_t points = 0, finished = 0, failed = 0, segments = 0, unfinished = 0;
    std::map<std::string, std::size_t> reasons;                ///< of failed points, with how many
    std::vector<std::pair<std::size_t, std::size_t>> missing;  ///< ranges, last included
    std::vector<std::string> damaged;   ///< segments that cannot be read, with the reason
    std::vector<std::string> foreign;   ///< files that are no segments
    std::vector<ClaimOutcomes> claims;  ///< of the finished points
    /// 1 where a claim is violated or a segment damaged, else 0.
    int exit_code() const { return damaged.empty() && !any_violated(claims) ? 0 : 1; }
};

FolderState folder_state(const std::string& folder, const Spec& spec);

/// Writes every finished point into one file: an axis for each axis of the grid (or `point`) and
/// `replicate`, one dataset a column, NaN where a point is missing or failed. Damaged segments are
/// left out and listed in the result. Throws InputError if two segments disagree on a point.
FolderState merge(const std::string& folder, const Spec& spec, const std::string& out);

/// Every dataset of the merged file.
std::vector<Field> merged_fields(const Spec& spec);

}  // namespace prefdyn::sweep
