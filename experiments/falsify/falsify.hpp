#pragma once
// A falsifier: searches the space of datasets and settings for the one that comes nearest to
// breaking a claim. For a rigorous claim the ratio measured / bound must approach but never pass 1;
// where it stays far below, the bound is loose.

#include <optional>

#include "experiments/falsify/search_space.hpp"

namespace prefdyn {

/// Where a search stood: enough to run the case again.
struct SearchPoint {
    std::size_t restart = 0;
    std::vector<double> x;
};

struct FalsifyPlan {
    Index budget = 20000;  ///< runs in all, shared by the restarts
    std::uint64_t seed = 1;
    double after = 0.0;  ///< only times with kappa t at least this count
    Device device = Device::kCpu;
    std::optional<SearchPoint> replay = {};  ///< run this case alone
};

/// The worst case one restart found.
struct Extremal {
    std::string search;  ///< the space's name
    SearchPoint point;
    /// measured / bound (bound / measured for lower bounds, 1 + relative error for equalities), all
    /// rounding that the judge grants taken off: above 1 only where a comparison fails.
    double ratio = 0.0;
    SearchCase at;  ///< the case itself
    theory::Verdict verdict;
    Index evaluations = 0;  ///< runs this restart made
};

struct Falsification {
    std::vector<Extremal> restarts;
    std::size_t worst = 0;  ///< the restart with a violation, else with the largest ratio
    Index evaluations = 0;
    const Extremal& extremal() const { return restarts[worst]; }
    bool violated() const { return extremal().verdict.status == theory::Status::kViolated; }
};

/// Why a claim without a search space has none.
std::string why_not_searched(const theory::Claim& claim);

/// A fault planted in the evidence, to see whether the search finds what it breaks.
using Fault = std::function<void(CaseResult&)>;

/// Restart r is a pure function of (claim, plan, r); a restart ends at its share of the budget or
/// at its first violation. Throws InputError for a claim that has no search space and Interrupted
/// if asked to stop.
Falsification falsify(const theory::Claim& claim, const FalsifyPlan& plan, const Fault& fault = {});

}  // namespace prefdyn
