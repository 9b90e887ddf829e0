#pragma once
// Finite samples against the exact dynamics of their population (theory.md T7).

#include "experiments/studies/study.hpp"
#include "sim/data/mixture.hpp"
#include "theory/convergence.hpp"
#include "theory/population_dynamics.hpp"

namespace prefdyn {

/// The curves run to kappa t = 5, kappa the population's, in equal steps.
inline constexpr double kDynamicsEnd = 5.0;
/// Those of a population of the user's own: v's error may grow with t while v itself does not.
inline constexpr double kOwnDynamicsEnd = 1.0;

struct DynamicsSetting {
    std::string name;
    MixtureSpec mixture;  ///< samples is set by the design
};

/// Components of z = s g, two for each behaviour.
theory::Mixture components(const MixtureDistribution& population);

struct DynamicsDesign {
    std::vector<Index> samples;  ///< n, increasing
    std::size_t replicates;
    Index records;  ///< times, t = 0 included
    Device device = Device::kCpu;
    double end = kDynamicsEnd;  ///< kappa t
};

/// A population, and n rows of it.
struct DynamicsSubject {
    theory::Mixture mixture;
    std::function<Dataset(Index n, std::uint64_t seed, Device)> sample;
};
DynamicsSubject subject_of(const MixtureDistribution& population);
DynamicsSubject subject_of(std::shared_ptr<const Population> population);

/// sqrt(tr S / n) / ||E z||: the relative error of zbar, labels fixed.
double relative_sampling_error(const theory::Mixture& mixture, Index n);

inline const std::vector<std::string> kCurves = {"head_change", "loss", "rewards_margins",
                                                 "rewards_accuracies"};

/// Values of kCurves, [curve][time].
using Curves = std::vector<std::vector<double>>;

struct DynamicsOutcome {
    Curves predicted;
    std::vector<Curves> simulated;       ///< [size], the first replicate
    theory::Convergence vector, curves;  ///< errors of v(t) and of the curves
};

/// What is held against the simulation; a negative control spoils it.
struct DynamicsPrediction {
    theory::Mixture mixture;
    std::shared_ptr<const MarginLoss> loss;
};

/// Trains on `replicates` samples of every size and compares with the population's flow.
DynamicsOutcome compare_dynamics(const DynamicsSubject& population,
                                 const DynamicsPrediction& prediction, const DynamicsDesign& design,
                                 std::uint64_t seed);

/// The last one has everything at once; the quick profile has no other.
std::vector<DynamicsSetting> dynamics_settings(Profile profile);

Study dynamics_study();

}  // namespace prefdyn
