#pragma once
// How the claims of a sweep came out, over its points.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "experiments/sweep/segment.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn::sweep {

struct ClaimOutcomes {
    std::string claim;
    std::array<std::size_t, theory::kStatuses> points{};  ///< by status
};

/// The learning rates of finished points, where each takes eta-kappa / kappa: none says so while
/// low > high.
struct EtaRange {
    double low = kInfinity, high = 0.0;
    void add(double eta);
    bool varies() const;
    /// In one line, empty unless they vary.
    std::string words() const;
};

/// Counts rows as they come.
class OutcomeCounter {
  public:
    explicit OutcomeCounter(const Spec& spec);
    /// Of a finished point; a failed one has no outcomes.
    void add(const PointRecord& record);
    std::vector<ClaimOutcomes> take() { return std::move(outcomes_); }
    const EtaRange& eta() const { return eta_; }

  private:
    std::vector<ClaimOutcomes> outcomes_;
    std::vector<std::size_t> place_;        ///< of each claim's status in a row
    std::optional<std::size_t> eta_place_;  ///< where eta is not given
    EtaRange eta_;
};

bool any_violated(const std::vector<ClaimOutcomes>& outcomes);

}  // namespace prefdyn::sweep
