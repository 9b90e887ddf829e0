#include "experiments/certify/exact/decide.hpp"

#include <algorithm>
#include <cmath>

namespace prefdyn::certify {

namespace {

using theory::Relation;

/// How both sides of a comparison lie to each other.
enum class Side { kClear, kEqual, kWrong, kOverlap };

struct Decision {
    Side side;
    long equal_bits = 0;  ///< of kEqual
};

/// The distance to the bound on the allowed side; of equalities the difference.
Real distance(const ExactComparison& c) {
    return c.relation == Relation::kAtMost ? c.bound - c.measured : c.measured - c.bound;
}

/// Balls that overlap count as equal where what is left open is narrower than 2^(-bits / 2) of the
/// scale; of an inequality only once more bits have not parted them.
Decision decide(const ExactComparison& c, const Limits& limits) {
    const Real apart = distance(c);
    if (!apart.is_finite()) return {Side::kOverlap};
    const bool equality = c.relation == Relation::kEqual;
    if (!equality && apart.is_nonnegative()) return {Side::kClear};
    if (!apart.contains_zero()) return {Side::kWrong};
    const Real larger = max(abs(c.measured), abs(c.bound));
    // Of nothing and nothing: below what any number of a run can be.
    constexpr long kBelowDouble = 1100;
    if (larger.contains_zero() && apart.narrower_than(Real(1.0)) >= kBelowDouble)
        return {Side::kEqual, kBelowDouble};
    const long bits = apart.narrower_than(c.scale.is_zero() ? larger : c.scale);
    const bool again = equality || Precision::bits() > limits.start || apart.is_exact();
    if (bits >= Precision::bits() / 2 && again) return {Side::kEqual, bits};
    return {Side::kOverlap};
}

double shown(const Real& x) { return x.value(); }

/// Smaller: closer to the bound.
double closeness(const ExactComparison& c) {
    const double size = std::max(std::fabs(shown(c.measured)), std::fabs(shown(c.bound)));
    return size > 0.0 ? shown(distance(c)) / size : 0.0;
}

void witness(Certificate& out, const ExactComparison& c) {
    out.step = static_cast<double>(c.step);
    out.measured = (c.measured / Real(c.divisor)).digits(17);
    out.bound = (c.bound / Real(c.divisor)).digits(17);
}

std::string why_open(const ExactComparison& c) {
    const std::string at = "step " + std::to_string(c.step) + ": ";
    if (!distance(c).is_finite()) return at + "nothing is known of one side";
    if (c.divisor != 1.0 && !(c.measured.is_exact() && c.measured.radius().is_zero()))
        return at + "margins that cannot be told from zero decide it";
    return at + "both sides agree to 2^-" +
           std::to_string(distance(c).narrower_than(max(abs(c.measured), abs(c.bound)))) +
           " and are not told apart";
}

}  // namespace

void strengthen(ExactComparison& c, double factor) {
    if (factor == 1.0) return;
    const bool shrinks = c.relation == Relation::kEqual ||
                         (c.relation == Relation::kAtLeast) == c.bound.is_negative();
    if (shrinks)
        c.bound *= Real(factor);
    else
        c.bound /= Real(factor);
}

Certificate weigh(const std::string& id, const std::vector<ExactComparison>& all,
                  const Limits& limits) {
    Certificate out{.claim = id, .bits = Precision::bits(), .comparisons = all.size()};
    out.proof = Proof::kProved;
    double closest = kInfinity;
    for (const ExactComparison& c : all) {
        const Decision d = decide(c, limits);
        if (d.side == Side::kWrong) {
            witness(out, c);
            out.proof = Proof::kRefuted;
            return out;
        }
        if (d.side == Side::kOverlap && out.proof == Proof::kProved) {
            out.proof = Proof::kUndecided;
            out.reason = why_open(c);
        }
        if (d.side == Side::kEqual && d.equal_bits < (1L << 20)) {
            out.equal_bits = out.equal == 0 ? d.equal_bits : std::min(out.equal_bits, d.equal_bits);
            ++out.equal;
        }
        if (const double close = closeness(c); close < closest) {
            closest = close;
            witness(out, c);
        }
    }
    return out;
}

}  // namespace prefdyn::certify
