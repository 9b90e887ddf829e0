#include "theory/claim.hpp"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <limits>

#include "sim/base/numerics.hpp"

namespace prefdyn::theory {

namespace {

/// Signed distance from the bound, positive on the side the claim allows.
double distance(const Comparison& c) {
    switch (c.relation) {
        case Relation::kAtMost:
            return c.bound - c.measured;
        case Relation::kAtLeast:
            return c.measured - c.bound;
        case Relation::kEqual:
            return -std::fabs(c.measured - c.bound);
    }
    return kNan;
}

bool passes(const Comparison& c, double rounding) {
    const double relative = std::isfinite(c.bound) ? std::fabs(c.bound) * rounding : 0.0;
    const double slack = distance(c);
    return slack >= -(relative + c.absolute_rounding) &&
           slack > -std::numeric_limits<double>::infinity();
}

/// Minus infinity where the comparison is not even a number: it never passes.
double relative_slack(const Comparison& c) {
    const double slack = c.bound == 0.0 ? distance(c) : distance(c) / std::fabs(c.bound);
    return std::isnan(slack) ? -std::numeric_limits<double>::infinity() : slack;
}

double ratio(const Comparison& c) {
    return c.relation == Relation::kAtLeast ? c.bound / c.measured : c.measured / c.bound;
}

/// A comparison says something about tightness only where it stands clear of rounding.
bool is_resolved(const Comparison& c) {
    return c.absolute_rounding <= 1e-3 * std::max(std::fabs(c.bound), std::fabs(c.measured));
}

Tightness summarise(std::vector<double> ratios) {
    ratios.erase(
        std::remove_if(ratios.begin(), ratios.end(), [](double r) { return !std::isfinite(r); }),
        ratios.end());
    if (ratios.empty()) return {kNan, kNan, kNan};
    std::sort(ratios.begin(), ratios.end());
    return {ratios.front(), ratios[ratios.size() / 2], ratios.back()};
}

/// First unmet assumption of any case.
std::string unmet_assumption(const Claim& claim, std::span<const Evidence> cases) {
    for (const Evidence& evidence : cases)
        for (const Assumption& assumption : claim.assumptions)
            if (std::string reason = assumption.unmet(evidence); !reason.empty()) return reason;
    return {};
}

/// The smallest constant that covers a share 1 - delta of the cases.
double covering_constant(std::vector<double> needed, double delta) {
    for (double& constant : needed)  // a case without a number is covered by no constant
        if (std::isnan(constant)) constant = std::numeric_limits<double>::infinity();
    std::sort(needed.begin(), needed.end());
    const auto allowed = static_cast<std::size_t>(delta * static_cast<double>(needed.size()));
    return needed[needed.size() - 1 - std::min(allowed, needed.size() - 1)];
}

double binomial_p_value(std::size_t failures, std::size_t cases, double delta) {
    if (failures == 0) return 1.0;
    const boost::math::binomial_distribution<double> law(static_cast<double>(cases), delta);
    return cdf(complement(law, static_cast<double>(failures) - 1.0));
}

/// Runs over all comparisons of all cases.
class Tally {
  public:
    void add(const Evidence& evidence, const std::vector<Comparison>& comparisons,
             std::size_t index) {
        bool failed = false;
        for (const Comparison& c : comparisons) {
            failed = failed || !passes(c, evidence.training.rounding);
            const double slack = relative_slack(c);
            if (is_resolved(c)) ratios_.push_back(ratio(c));
            if (slack < verdict_.slack) {
                verdict_.slack = slack;
                verdict_.witness_case = index;
                verdict_.witness_step = c.step;
                verdict_.witness_time = c.time;
            }
            measured_.push_back(c.measured);
        }
        ++verdict_.cases;
        verdict_.failures += failed ? 1 : 0;
    }

    Verdict finish(const Claim& claim, std::span<const Evidence> cases) {
        verdict_.tightness = summarise(ratios_);
        if (measured_.empty()) {
            verdict_.reason = "nothing to compare";
            return verdict_;
        }
        const double delta = cases.front().delta;
        if (claim.kind == ClaimKind::kFit && !cases.front().constant) {
            verdict_.status = Status::kFitted;
            verdict_.fitted = covering_constant(measured_, delta);
            return verdict_;
        }
        bool violated = verdict_.failures > 0;
        if (claim.kind == ClaimKind::kProbabilistic || claim.kind == ClaimKind::kFit) {
            verdict_.p_value = binomial_p_value(verdict_.failures, verdict_.cases, delta);
            violated = verdict_.p_value < kSignificance;
        }
        verdict_.status = violated ? Status::kViolated : Status::kHolds;
        if (violated)
            verdict_.reason = std::to_string(verdict_.failures) + " of " +
                              std::to_string(verdict_.cases) + " cases fail";
        return verdict_;
    }

    Tally() { verdict_.slack = std::numeric_limits<double>::infinity(); }

  private:
    Verdict verdict_;
    std::vector<double> ratios_, measured_;
};

}  // namespace

const char* status_name(Status status) {
    switch (status) {
        case Status::kHolds:
            return "holds";
        case Status::kViolated:
            return "violated";
        case Status::kNotApplicable:
            return "not_applicable";
        case Status::kFitted:
            return "fitted";
    }
    return "unknown";
}

Verdict judge(const Claim& claim, std::span<const Evidence> cases, bool presume_assumptions) {
    Verdict verdict;
    verdict.slack = kNan;
    verdict.tightness = {kNan, kNan, kNan};
    if (cases.empty()) {
        verdict.reason = "no evidence";
        return verdict;
    }
    if (!presume_assumptions) verdict.reason = unmet_assumption(claim, cases);
    if (!verdict.reason.empty()) return verdict;
    Tally tally;
    for (std::size_t i = 0; i < cases.size(); ++i) tally.add(cases[i], claim.compare(cases[i]), i);
    return tally.finish(claim, cases);
}

Claim strengthened(const Claim& claim, double factor) {
    Claim out = claim;
    out.compare = [compare = claim.compare, factor](const Evidence& evidence) {
        auto comparisons = compare(evidence);
        for (Comparison& c : comparisons)
            c.bound = c.relation == Relation::kAtLeast ? c.bound / factor : c.bound * factor;
        return comparisons;
    };
    return out;
}

}  // namespace prefdyn::theory
