#include "theory/claim.hpp"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "sim/base/numerics.hpp"

namespace prefdyn::theory {

namespace {

/// Signed distance from the bound, positive on the side the claim allows.
double distance(const Comparison& c) {
    const double measured = c.measured.value, bound = c.bound.value;
    if (measured == bound) return 0.0;
    switch (c.relation) {
        case Relation::kAtMost:
            return bound - measured;
        case Relation::kAtLeast:
            return measured - bound;
        case Relation::kEqual:
            return -std::fabs(measured - bound);
    }
    return kNan;
}

double radius(const Comparison& c) { return c.measured.radius + c.bound.radius; }

double scale(const Comparison& c) {
    if (!std::isnan(c.worth.scale)) return c.worth.scale;
    return std::max(std::fabs(c.measured.value), std::fabs(c.bound.value));
}

/// An equality of two numbers that may both be zero says nothing.
bool is_vacuous(const Comparison& c) {
    switch (c.relation) {
        case Relation::kAtMost:
            return c.bound.value == kInfinity || c.bound.value >= c.worth.trivial;
        case Relation::kAtLeast:
            return c.bound.value == -kInfinity || c.bound.value <= c.worth.trivial;
        case Relation::kEqual:
            return scale(c) <= radius(c) && std::isfinite(radius(c));
    }
    return false;
}

/// Minus infinity where the comparison is not even a number.
double relative_slack(const Comparison& c) {
    if (std::isnan(distance(c))) return -kInfinity;
    if (radius(c) == kInfinity) return kInfinity;  // nothing is known, nothing violated
    const double slack = distance(c) + radius(c);
    const double unit = c.bound.value == 0.0 ? scale(c) : std::fabs(c.bound.value);
    return unit > 0.0 ? slack / unit : slack;
}

double ratio(const Comparison& c) {
    return c.relation == Relation::kAtLeast ? c.bound.value / c.measured.value
                                            : c.measured.value / c.bound.value;
}

/// A comparison says something about tightness where it stands clear of its errors, or, of samples,
/// of what it must resolve of the quantity itself.
bool is_resolved(const Comparison& c) {
    const double size = std::max(std::fabs(c.bound.value), std::fabs(c.measured.value));
    const double share = std::isnan(c.worth.scale) ? std::max(1e-3, c.worth.resolution) : 1e-3;
    return radius(c) <= share * size;
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

/// The least number of failures of `cases` that a claim with failure probability delta is called
/// violated for.
std::size_t critical_failures(std::size_t cases, double delta) {
    std::size_t low = 0, high = cases + 1;
    while (high - low > 1) {
        const std::size_t middle = (low + high) / 2;
        (binomial_p_value(middle, cases, delta) < kSignificance ? high : low) = middle;
    }
    return high;
}

std::string number(double value) {
    std::ostringstream out;
    out << std::setprecision(3) << value;
    return out.str();
}

/// What would make the errors of a comparison smaller.
std::string remedy(const Evidence& evidence) {
    if (evidence.training.dynamics == Dynamics::kGradientFlow)
        return "a smaller flow tolerance may decide it";
    if (evidence.training.dynamics == Dynamics::kTransformer)
        return "rounding in single precision: more or larger updates may decide it";
    return "rounding in double precision: larger steps or fewer rows may decide it";
}

/// A bound below zero grows stronger towards zero.
Comparison stronger(Comparison c, double factor) {
    const bool shrinks = c.relation == Relation::kEqual ||
                         (c.relation == Relation::kAtLeast) == (c.bound.value < 0.0);
    c.bound = shrinks ? c.bound * factor : c.bound / factor;
    return c;
}

/// Runs over all comparisons of all cases.
class Tally {
  public:
    Tally(bool closely, bool curve) : closely_(closely), keeps_curve_(closely && curve) {
        verdict_.slack = kInfinity;
    }

    void add(const Evidence& evidence, const std::vector<Comparison>& comparisons,
             std::size_t index) {
        bool failed = false;
        for (const Comparison& c : comparisons) {
            const Outcome came = outcome(c);
            ++verdict_.comparisons;
            if (keeps_curve_) add_to_curve(c, came);
            measured_.push_back(c.measured.value);
            failed = failed || came == Outcome::kViolated;
            if (c.undefined && undefined_.empty())
                undefined_ = std::string(c.undefined) + " at step " + number(c.step);
            spoke_ = spoke_ || came == Outcome::kHolds || came == Outcome::kViolated;
            if (came == Outcome::kUndecided && undecided_.empty())
                undecided_ = "step " + number(c.step) + ": the errors are " + number(radius(c)) +
                             ", the distance " + number(std::fabs(distance(c))) + "; " +
                             remedy(evidence);
            if (came == Outcome::kVacuous) {
                ++verdict_.vacuous;
                continue;
            }
            if (is_resolved(c)) ratios_.push_back(ratio(c));
            if (closely_ && !verdict_.within_tenth)
                verdict_.within_tenth = outcome(stronger(c, 0.9)) == Outcome::kViolated;
            const double slack = relative_slack(c);
            if (!(slack < verdict_.slack)) continue;
            verdict_.slack = slack;
            verdict_.witness_case = index;
            verdict_.witness_step = c.step;
            verdict_.witness_time = c.time;
        }
        ++verdict_.cases;
        verdict_.failures += failed ? 1 : 0;
    }

    Verdict finish(const Claim& claim, std::span<const Evidence> cases) {
        verdict_.tightness = summarise(ratios_);
        if (verdict_.vacuous == verdict_.comparisons) verdict_.slack = kNan;
        if (measured_.empty()) {
            verdict_.reason = "nothing to compare: no record is one that it speaks of";
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
            const auto critical = static_cast<double>(critical_failures(verdict_.cases, delta));
            verdict_.power = critical / (delta * static_cast<double>(verdict_.cases));
            if (verdict_.failures > 0)
                verdict_.slack =
                    (critical - 1.0 - static_cast<double>(verdict_.failures)) / critical;
        }
        verdict_.status = violated              ? Status::kViolated
                          : !undecided_.empty() ? Status::kUndecided
                          : spoke_              ? Status::kHolds
                                                : Status::kVacuous;
        if (violated)
            verdict_.reason = std::to_string(verdict_.failures) + " of " +
                              std::to_string(verdict_.cases) + " cases fail";
        if (violated && !undefined_.empty()) verdict_.reason = undefined_;
        if (verdict_.status == Status::kUndecided) verdict_.reason = undecided_;
        if (verdict_.status == Status::kVacuous)
            verdict_.reason = "no comparison is better than a trivial one";
        return verdict_;
    }

  private:
    /// Comparisons come in the order of their times, or record by record once more.
    void add_to_curve(const Comparison& c, Outcome came) {
        auto& curve = verdict_.curve;
        const bool speaks = came != Outcome::kVacuous && is_resolved(c);
        const CurvePoint point = {c.time, c.measured.value, c.bound.value,
                                  speaks ? ratio(c) : kNan};
        const double slack = relative_slack(c);
        auto at = curve.end();
        while (at != curve.begin() && (at - 1)->time > c.time) --at;
        if (at == curve.begin() || (at - 1)->time < c.time) {
            const auto place = curve.insert(at, point);
            slack_.insert(slack_.begin() + (place - curve.begin()), slack);
            return;
        }
        const auto k = static_cast<std::size_t>(at - 1 - curve.begin());
        if (!(slack < slack_[k])) return;
        curve[k] = point;
        slack_[k] = slack;
    }

    bool closely_, keeps_curve_;
    std::vector<double> slack_;  ///< of the curve
    Verdict verdict_;
    bool spoke_ = false;     ///< a comparison was decided, be it one of those that may fail
    std::string undecided_;  ///< the first of them
    std::string undefined_;  ///< where a side was no number
    std::vector<double> ratios_, measured_;
};

}  // namespace

Outcome outcome(const Comparison& c) {
    const double apart = distance(c), errors = radius(c);
    if (std::isnan(apart) || apart < -errors || std::isnan(c.bound.value))
        return Outcome::kViolated;
    if (is_vacuous(c)) return Outcome::kVacuous;
    if (!std::isfinite(errors)) return Outcome::kUndecided;
    const bool resolved = errors <= c.worth.resolution * scale(c);
    return apart >= errors || resolved ? Outcome::kHolds : Outcome::kUndecided;
}

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
        case Status::kUndecided:
            return "undecided";
        case Status::kVacuous:
            return "vacuous";
    }
    return "unknown";
}

std::size_t severity_rank(Status status) {
    return static_cast<std::size_t>(std::find(kBySeverity.begin(), kBySeverity.end(), status) -
                                    kBySeverity.begin());
}

namespace {

Verdict judged(const Claim& claim, std::span<const Evidence> cases, bool presume_assumptions,
               bool closely) {
    Verdict verdict;
    verdict.slack = kNan;
    verdict.tightness = {kNan, kNan, kNan};
    if (cases.empty()) {
        verdict.reason = "no evidence";
        return verdict;
    }
    if (!presume_assumptions) verdict.reason = unmet_assumption(claim, cases);
    if (!verdict.reason.empty()) return verdict;
    Tally tally(closely, claim.checks.curve);
    for (std::size_t i = 0; i < cases.size(); ++i) tally.add(cases[i], claim.compare(cases[i]), i);
    return tally.finish(claim, cases);
}

}  // namespace

Verdict judge(const Claim& claim, std::span<const Evidence> cases, bool presume_assumptions) {
    return judged(claim, cases, presume_assumptions, false);
}

Verdict judge_closely(const Claim& claim, const Evidence& run) {
    return judged(claim, std::span(&run, 1), false, true);
}

Claim strengthened(const Claim& claim, double factor) {
    Claim out = claim;
    out.compare = [compare = claim.compare, factor](const Evidence& evidence) {
        auto comparisons = compare(evidence);
        for (Comparison& c : comparisons) c = stronger(c, factor);
        return comparisons;
    };
    return out;
}

}  // namespace prefdyn::theory
