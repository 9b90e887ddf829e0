#include "experiments/sweep/outcomes.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace prefdyn::sweep {

namespace {

/// Whether the spec says what the key is, other than 0.
bool gives(const Spec& spec, const std::string& key) {
    for (const auto& [name, value] : spec.fixed)
        if (name == key) return value != "0";
    const auto named = [&](const Axis& axis) { return std::ranges::count(axis.keys, key) > 0; };
    return std::ranges::any_of(spec.axes, named) ||
           std::ranges::count(spec.random, key, &RandomKey::key) > 0 || spec.expression_of(key);
}

}  // namespace

void EtaRange::add(double eta) {
    low = std::min(low, eta);
    high = std::max(high, eta);
}

bool EtaRange::varies() const { return high > low; }

std::string EtaRange::words() const {
    if (!varies()) return {};
    std::ostringstream out;
    out << std::setprecision(3) << "eta is eta-kappa / kappa at every point, " << low << " to "
        << high
        << " (column learning_rate): points at equal steps are at different times; one eta for all "
           "is a line eta = "
           "NUMBER or eta = of first point";
    return out.str();
}

OutcomeCounter::OutcomeCounter(const Spec& spec) {
    std::size_t place = row_length(spec.experiment->measures, spec.records);
    for (const theory::Claim& claim : spec.selected_claims()) {
        outcomes_.push_back({claim.id, {}});
        place_.push_back(place);  // the status is a claim's first measure
        place += row_length(claim_measures(claim.id), spec.records);
    }
    if (gives(spec, "eta")) return;
    place = 0;
    for (const Measure& m : spec.experiment->measures) {
        if (m.name == "learning_rate") eta_place_ = place;
        place += row_length({m}, spec.records);
    }
}

void OutcomeCounter::add(const PointRecord& record) {
    if (record.failed()) return;
    for (std::size_t c = 0; c < outcomes_.size(); ++c)
        ++outcomes_[c].points.at(static_cast<std::size_t>(record.values[place_[c]]));
    if (eta_place_) eta_.add(record.values[*eta_place_]);
}

bool any_violated(const std::vector<ClaimOutcomes>& outcomes) {
    return std::any_of(outcomes.begin(), outcomes.end(), [](const ClaimOutcomes& o) {
        return o.points[static_cast<std::size_t>(theory::Status::kViolated)] > 0;
    });
}

}  // namespace prefdyn::sweep
