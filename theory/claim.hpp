#pragma once
// A claim is one object: what it says, what it needs, what it compares. `judge` holds it against
// evidence and gives a verdict. Claims see data and trajectories, never a trainer.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/head/trajectory.hpp"
#include "sim/loss/loss.hpp"
#include "theory/population.hpp"
#include "theory/statistics.hpp"

namespace prefdyn::theory {

enum class Dynamics { kGradientFlow, kGradientDescent, kStochastic, kAdaptive };

/// How the head was trained, as claimed by whoever ran it.
struct TrainingFacts {
    Dynamics dynamics = Dynamics::kGradientDescent;
    double beta = 0.1;
    double eta = 0.1;  ///< t = eta * step
    LossFacts loss{};
    bool from_reference = true;  ///< training started at W = W_0
    double rounding = 1e-10;     ///< relative error of measured quantities: rounding, integrator
    std::shared_ptr<const MarginLoss> phi = nullptr;  ///< the loss of the margin itself; null if
                                                      ///< it is none or only facts are known
};

struct NoiseFloor;           // T5n
struct FreshAccuracy;        // T6c
struct Convergence;          // T6d, T7
struct BehaviourStatistics;  // T8
struct TwoLayerFacts;        // T9
struct TabularFacts;         // T10
struct InfluenceFacts;       // what happens to probabilities
struct InitialUpdates;       // T11

/// One case a claim is held against. Pointers are borrowed; null where the case has no such part.
struct Evidence {
    const MeanStatistics* means = nullptr;
    const DatasetStatistics* statistics = nullptr;
    const Trajectory* trajectory = nullptr;
    const NoiseFloor* floor = nullptr;
    const FreshAccuracy* fresh = nullptr;
    const Convergence* convergence = nullptr;
    const BehaviourStatistics* behaviours = nullptr;
    const TwoLayerFacts* embedding = nullptr;
    const TabularFacts* tabular = nullptr;
    const InfluenceFacts* influence = nullptr;
    const InitialUpdates* updates = nullptr;
    std::optional<PopulationFacts> population;
    TrainingFacts training;
    double delta = 0.05;             ///< allowed failure probability of T5
    std::optional<double> constant;  ///< C of T5a, if one is to be tested
};

enum class Relation { kAtMost, kAtLeast, kEqual };

/// `measured` relation `bound`, up to |bound| * rounding + absolute_rounding.
struct Comparison {
    double step, time, measured, bound;
    Relation relation;
    double absolute_rounding = 0.0;
};

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

struct Claim {
    std::string id, title;
    std::string statement;  ///< in the notation of theory.md
    std::string source;     ///< where it is stated and proved
    ClaimKind kind;
    Scope scope;
    std::vector<Assumption> assumptions;
    std::function<std::vector<Comparison>(const Evidence&)> compare;
};

enum class Status { kHolds, kViolated, kNotApplicable, kFitted };
const char* status_name(Status status);

/// measured / bound for upper bounds and equalities, bound / measured for lower bounds: 1 is tight,
/// 0 is vacuous.
struct Tightness {
    double min, median, max;
};

struct Verdict {
    Status status = Status::kNotApplicable;
    std::string reason;  ///< which assumption failed, or what was violated
    double slack = 0.0;  ///< smallest relative distance to the bound; negative if violated
    std::size_t witness_case = 0;  ///< where the slack is smallest
    double witness_step = 0.0, witness_time = 0.0;
    Tightness tightness{};
    std::size_t cases = 0;     ///< evidence objects held against the claim
    std::size_t failures = 0;  ///< of them with a violated comparison
    double p_value = 1.0;      ///< probabilistic: P(at least `failures` | claim true)
    double fitted = 0.0;       ///< fit: the smallest constant that covers a share 1 - delta
};

/// Level of the binomial test: a true probabilistic claim is called violated this often at most.
inline constexpr double kSignificance = 1e-6;

/// Holds a claim against cases. With `presume_assumptions` the assumptions are not looked at: what
/// a negative control uses to see a false claim fail. NaN never passes.
Verdict judge(const Claim& claim, std::span<const Evidence> cases,
              bool presume_assumptions = false);

/// The claim with every bound made stronger by `factor` < 1 (equalities are multiplied by it).
Claim strengthened(const Claim& claim, double factor);

}  // namespace prefdyn::theory
