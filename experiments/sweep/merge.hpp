#pragma once
#include <map>
#include <string>

#include "experiments/results/result_writer.hpp"
#include "experiments/sweep/origins.hpp"
#include "experiments/sweep/outcomes.hpp"
#include "experiments/sweep/spec.hpp"

namespace prefdyn::sweep {

/// The state of a sweep's folder.
struct FolderState {
    std::size_t points = 0, finished = 0, failed = 0, segments = 0, unfinished = 0;
    std::map<std::string, std::size_t> reasons;                ///< of failed points, with how many
    std::map<std::string, std::size_t> machine;                ///< why points must be tried again
    std::vector<std::pair<std::size_t, std::size_t>> missing;  ///< ranges, last included
    std::vector<std::string> damaged;   ///< segments that cannot be read, with the reason
    std::vector<std::string> foreign;   ///< files that are no segments
    std::vector<std::string> doubled;   ///< points in two segments that differ by rounding
    std::vector<ClaimOutcomes> claims;  ///< of the finished points
    EtaRange eta;                       ///< of these
    Origins origins;                    ///< of the segments
    /// 3 where a segment is damaged, 1 where a claim is violated, else 0.
    int exit_code() const { return !damaged.empty() ? 3 : any_violated(claims) ? 1 : 0; }
};

FolderState folder_state(const std::string& folder, const Spec& spec);

/// Writes every finished point into one file: an axis for each axis of the grid (or `point`) and
/// `replicate`, one dataset a column, NaN where a point is missing or failed. Damaged segments are
/// left out and listed in the result. Of a point in two segments the first counts; the result names
/// it unless both are the same bits. Throws InputError if they differ by more than kPointRounding.
FolderState merge(const std::string& folder, const Spec& spec, const std::string& out);

/// Two machines may differ on a point by this much, relative to the larger number, or by as much in
/// itself.
constexpr double kPointRounding = 1e-6;

/// Every dataset of the merged file that is about points.
std::vector<Field> merged_fields(const Spec& spec);

/// Those about segments: who made which.
std::vector<Field> origin_fields();

}  // namespace prefdyn::sweep
