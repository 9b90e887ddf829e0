#pragma once
// A claim is one object: what it says, what it needs, what it compares. `judge` holds it against
// evidence and gives a verdict. Claims see data and trajectories, never a trainer.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sim/base/ball.hpp"
#include "sim/contexts/context_pairs.hpp"
#include "theory/evidence.hpp"
#include "theory/origin.hpp"

namespace prefdyn::theory {

enum class Relation { kAtMost, kAtLeast, kEqual };

/// Radii up to this share of a comparison's scale count as resolved.
inline constexpr double kResolution = 1e-6;

/// What a comparison must tell apart to say something.
struct Worth {
    double scale = kNan;              ///< of the quantity; NaN: the larger of both sides
    double resolution = kResolution;  ///< the radius that counts as resolved, relative to scale
    double trivial = kNan;  ///< a bound that holds always: one that is no better says nothing
};

/// `measured` relation `bound`, both with their errors.
struct Comparison {
    double step, time;
    Ball measured, bound;
    Relation relation;
    Worth worth = {};
    const char* undefined = nullptr;  ///< why a side is not a number, where that is known
};

/// What came of a comparison of two intervals.
enum class Outcome {
    kHolds,      ///< clear of the errors, or equal within errors that are resolved
    kViolated,   ///< clear of the errors on the wrong side, or not a number
    kUndecided,  ///< the errors are larger than the distance and than the resolution
    kVacuous,    ///< the bound is no better than the trivial one, or nothing was there to compare
};
Outcome outcome(const Comparison& comparison);

struct Assumption {
    std::string text;
    /// Why the evidence does not meet it; empty if it does.
    std::function<std::string(const Evidence&)> unmet;
};

enum class ClaimKind {
    kRigorous,       ///< every comparison must come out
    kPrediction,     ///< exact in a limit only: comparisons carry tolerances or test convergence
    kProbabilistic,  ///< each case may fail with probability delta: exact binomial test over cases
    kFit,            ///< a constant is fitted and reported, never passed or failed
};

/// What one case of evidence is: a trained run, an untrained replicate of a sample, or whatever the
/// study that judges the claim makes of it.
enum class Scope { kRun, kReplicate, kStudy };

/// Faults that `prefdyn verify` can plant in any run (experiments/verify/controls.cpp).
enum class PlantedFault {
    kStronger,          ///< the bound is made 10 % stronger
    kBetaOff,           ///< the trainer's beta is 1.1 times the one claimed
    kClassFlipped,      ///< the trainer sees one class's features with the wrong sign
    kStepTooLarge,      ///< eta = 3 / kappa
    kEtaDoubled,        ///< the trainer's eta is doubled, the clock's is not
    kEtaHalved,         ///< the same, halved
    kKappaUnderstated,  ///< kappa uses the mean eigenvalue of M instead of the largest
};

/// Which cases of its study a claim is about, where they differ.
enum class StudyCases {
    kAll,
    kGrowingSizes,    ///< errors at growing sizes
    kEachSample,      ///< every sample by itself, instead of the population
    kUnbroken,        ///< settings that break no assumption
    kEveryStep,       ///< runs with every step recorded
    kFrozenFeatures,  ///< runs that do not train the features
};

/// Where `prefdyn falsify` seeks the case that comes nearest to breaking a rigorous claim.
struct RunSearch {};        ///< trained heads; says nothing of a claim that is not about runs
struct BehaviourSearch {};  ///< heads trained on several behaviours
struct TwoLayerSearch {};   ///< features trained with the head
struct ContextSearch {      ///< preferences whose two tokens have contexts of their own
    std::optional<Objective> objective = Objective::kDpo;  ///< none: every one
    Index examples = 1;                                    ///< at most
    bool one_context = false;                              ///< for both tokens
    bool path = false;  ///< several updates in a row instead of one
};
using Search = std::variant<RunSearch, BehaviourSearch, TwoLayerSearch, ContextSearch>;

/// How a claim is checked besides its assumptions and comparisons.
struct Checks {
    std::vector<PlantedFault> faults = {};  ///< each must be caught
    StudyCases cases = StudyCases::kAll;
    Search search = RunSearch{};
    bool curve = true;  ///< Scope::kRun: its bounds are a curve along the run
};

struct FormulaClaim;  // theory/formula/formula_claim.hpp

struct Claim {
    std::string id, title;  ///< the id is letters and digits
    std::string statement;  ///< in the notation of theory.md
    std::string source;     ///< where it is stated, and how it is proved
    ClaimKind kind;
    Scope scope;
    std::vector<Assumption> assumptions;
    std::function<std::vector<Comparison>(const Evidence&)> compare;
    Checks checks = {};
    Origin origin = {};
    Kept keep = {};                                    ///< what its runs must leave behind
    std::shared_ptr<const FormulaClaim> formula = {};  ///< that it was made from
};

/// A case is violated if one comparison is, else undecided if one is, else it holds if one does.
enum class Status { kHolds, kViolated, kNotApplicable, kFitted, kUndecided, kVacuous };
inline constexpr std::size_t kStatuses = 6;
/// What is said of several cases is the first of these that one of them has.
inline constexpr std::array<Status, kStatuses> kBySeverity = {
    Status::kViolated, Status::kUndecided, Status::kHolds,
    Status::kFitted,   Status::kVacuous,   Status::kNotApplicable};
/// 0 for the first of them.
std::size_t severity_rank(Status status);
const char* status_name(Status status);

/// measured / bound for upper bounds and equalities, bound / measured for lower bounds: 1 is tight.
/// Vacuous comparisons are left out, and those whose errors are above a thousandth of the scale and
/// above its resolution.
struct Tightness {
    double min, median, max;
};

/// At a record, the comparison that stands closest to its bound.
struct CurvePoint {
    double time, measured, bound;
    double tightness;  ///< NaN where the comparison is vacuous or not resolved
};

struct Verdict {
    Status status = Status::kNotApplicable;
    std::string reason;  ///< which assumption failed, what was violated or stayed undecided
    /// Smallest distance to the bound, its errors granted, relative to the bound: negative if and
    /// only if violated. Vacuous comparisons are left out. Where some cases may fail and do, how
    /// many more could, as a share of those that would be too many.
    double slack = 0.0;
    std::size_t witness_case = 0;  ///< where the slack is smallest
    double witness_step = 0.0, witness_time = 0.0;
    Tightness tightness{};
    std::size_t cases = 0;                     ///< evidence objects held against the claim
    std::size_t failures = 0;                  ///< of them with a violated comparison
    std::size_t comparisons = 0, vacuous = 0;  ///< over all cases
    double p_value = 1.0;  ///< probabilistic: P(at least `failures` | claim true)
    double power = kNan;   ///< probabilistic: the least share of failures, in units of delta, at
                           ///< which the claim would be called violated
    double fitted = 0.0;   ///< fit: the smallest constant that covers a share 1 - delta
    std::vector<CurvePoint> curve = {};  ///< judge_closely: where Checks::curve says so
    bool within_tenth = false;           ///< judge_closely: a bound 10 % stronger would be violated
};

/// Level of the binomial test: a true probabilistic claim is called violated this often at most.
inline constexpr double kSignificance = 1e-6;

/// Holds a claim against cases. With `presume_assumptions` the assumptions are not looked at: what
/// a negative control uses to see a false claim fail. NaN never passes.
Verdict judge(const Claim& claim, std::span<const Evidence> cases,
              bool presume_assumptions = false);

/// The same of one run, with the curve of both sides and whether a bound 10 % stronger would fail.
Verdict judge_closely(const Claim& claim, const Evidence& run);

/// The claim with every bound made stronger by `factor` < 1 (equalities are multiplied by it).
Claim strengthened(const Claim& claim, double factor);

}  // namespace prefdyn::theory
