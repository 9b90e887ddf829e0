#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/verify/verify.hpp"
#include "sim/base/numerics.hpp"
#include "theory/formula/formula_claim.hpp"

namespace prefdyn {

using theory::Status;

namespace {

double median(std::vector<double> values) {
    if (values.empty()) return kNan;
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

class SummaryBuilder {
  public:
    explicit SummaryBuilder(bool own) { summary_.own = own; }
    void add(const theory::Verdict& v) {
        ++summary_.cases[static_cast<std::size_t>(v.status)];
        summary_.within_tenth = summary_.within_tenth || v.within_tenth;
        if (v.status == Status::kFitted) constants_.push_back(v.fitted);
        if (v.status == Status::kNotApplicable || v.status == Status::kFitted) return;
        if (!std::isfinite(v.tightness.median)) return;
        low_.push_back(v.tightness.min);
        middle_.push_back(v.tightness.median);
        high_.push_back(v.tightness.max);
    }
    void add(const ControlResult& control) {
        ++summary_.controls;
        summary_.caught += control.caught() ? 1 : 0;
    }
    ClaimSummary finish() {
        summary_.constant_min = summary_.constant_max = kNan;
        if (!constants_.empty()) {
            const auto [low, high] = std::minmax_element(constants_.begin(), constants_.end());
            summary_.constant_min = *low;
            summary_.constant_max = *high;
        }
        for (const Status status : theory::kBySeverity)
            if (summary_.count(status) > 0) {
                summary_.status = status;
                break;
            }
        summary_.tightness = {kNan, median(middle_), kNan};
        if (!low_.empty()) {
            summary_.tightness.min = *std::min_element(low_.begin(), low_.end());
            summary_.tightness.max = *std::max_element(high_.begin(), high_.end());
        }
        return summary_;
    }

  private:
    ClaimSummary summary_;
    std::vector<double> low_, middle_, high_, constants_;
};

}  // namespace

std::vector<ClaimSummary> Verification::summaries() const {
    std::vector<ClaimSummary> out;
    for (std::size_t c = 0; c < claims.size(); ++c) {
        SummaryBuilder builder(theory::is_own(claims[c]));
        if (claims[c].scope == theory::Scope::kRun)
            for (const auto& row : verdicts) builder.add(row[c]);
        for (const auto& row : cases)
            if (row.claim == claims[c].id) builder.add(row.verdict);
        for (const auto& control : controls)
            if (control.claim == claims[c].id) builder.add(control);
        out.push_back(builder.finish());
    }
    return out;
}

bool Verification::as_expected() const {
    const auto all = summaries();
    // A control of a user's own claim that is not caught is told, and no failure.
    std::vector<certify::Certified> counted = certificates;
    std::erase_if(counted, [&](const certify::Certified& c) {
        const auto claim = std::ranges::find(claims, c.certificate.claim, &theory::Claim::id);
        return !c.control.empty() && claim != claims.end() && theory::is_own(*claim);
    });
    return certify::as_expected(counted) && std::all_of(all.begin(), all.end(), [&](const auto& s) {
               return s.as_expected() &&
                      !(every_claim_applies && s.status == Status::kNotApplicable);
           });
}

}  // namespace prefdyn
