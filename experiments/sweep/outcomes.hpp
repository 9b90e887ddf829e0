#pragma once
// How the claims of a sweep came out, over its points.

#include <array>
#include <string>
#include <vector>

#include "experiments/sweep/segment.hpp"

namespace prefdyn::sweep {

struct ClaimOutcomes {
    std::string claim;
    std::array<std::size_t, theory::kStatuses> points{};  ///< by status
};

/// Counts rows as they come.
class OutcomeCounter {
  public:
    explicit OutcomeCounter(const Spec& spec);
    /// Of a finished point; a failed one has no outcomes.
    void add(const PointRecord& record);
    std::vector<ClaimOutcomes> take() { return std::move(outcomes_); }

  private:
    std::vector<ClaimOutcomes> outcomes_;
    std::vector<std::size_t> place_;  ///< of each claim's status in a row
};

bool any_violated(const std::vector<ClaimOutcomes>& outcomes);

}  // namespace prefdyn::sweep
