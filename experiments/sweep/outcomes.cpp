#include "experiments/sweep/outcomes.hpp"

#include <algorithm>

namespace prefdyn::sweep {

OutcomeCounter::OutcomeCounter(const Spec& spec) {
    std::size_t place = row_length(spec.experiment->measures, spec.records);
    for (const theory::Claim& claim : spec.selected_claims()) {
        outcomes_.push_back({claim.id, {}});
        place_.push_back(place);  // the status is a claim's first measure
        place += row_length(claim_measures(claim.id), spec.records);
    }
}

void OutcomeCounter::add(const PointRecord& record) {
    if (record.failed()) return;
    for (std::size_t c = 0; c < outcomes_.size(); ++c)
        ++outcomes_[c].points.at(static_cast<std::size_t>(record.values[place_[c]]));
}

bool any_violated(const std::vector<ClaimOutcomes>& outcomes) {
    return std::any_of(outcomes.begin(), outcomes.end(), [](const ClaimOutcomes& o) {
        return o.points[static_cast<std::size_t>(theory::Status::kViolated)] > 0;
    });
}

}  // namespace prefdyn::sweep
