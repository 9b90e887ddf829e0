#pragma once
// A head trained on several behaviours, with what the claims of theory.md T8 ask about it.

#include <memory>
#include <optional>

#include "sim/head/trainer.hpp"
#include "theory/behaviours.hpp"
#include "theory/claim.hpp"

namespace prefdyn {

struct MixtureTraining {
    Method method = Method::kGradientDescent;
    std::string loss = "sigmoid";
    double beta = 0.1;
    double eta_kappa = 0.1;  ///< eta * kappa
    Index steps = 400, records = 50;
    Device device = Device::kCpu;
    bool keep = false;  ///< data, and what TrainSpec::keep keeps
};

struct MixtureRun {
    theory::DatasetStatistics statistics;  ///< means, mean_square and lambda_max only
    theory::BehaviourStatistics behaviours;
    theory::TrainingFacts facts;
    Trajectory trajectory;
    double kappa = 0.0;
    Dataset data;  ///< what it was trained on, if MixtureTraining::keep asked for it

    /// Borrows from this object.
    theory::Evidence evidence() const;
};

/// A mixture whose head is not trained yet: several can be trained together.
class PendingMixture {
  public:
    /// `lambda_max` is the largest eigenvalue of M or a number above it; computed if not given.
    PendingMixture(Dataset data, const MixtureTraining& training, std::uint64_t seed,
                   std::optional<double> lambda_max = {});
    /// Borrows from this object. Logarithmically spaced records, the first step among them.
    TrainJob job() const;
    /// Throws Interrupted if training was.
    MixtureRun finish(Trajectory trajectory);

  private:
    std::unique_ptr<PreferenceTask> task_;
    std::unique_ptr<PolicyEngine> engine_;
    TrainSpec spec_;
    std::uint64_t seed_;
    MixtureRun result_;
};

/// Rows of a above rows of b, of one dimension, as behaviours 0 and 1.
Dataset mixture_of(const Dataset& a, const Dataset& b);

MixtureRun train_mixture(Dataset data, const MixtureTraining& training, std::uint64_t seed,
                         std::optional<double> lambda_max = {});

/// First recorded t > 0 at which behaviour j has caught up with i; NaN if it never does.
double first_crossing(const Trajectory& trajectory, std::size_t i, std::size_t j);

/// Two of several behaviours, the one with the longer class-mean difference first, and the authors'
/// normalised gap between them.
struct GapPair {
    std::size_t high, low;
    double gap;
};

/// Of all pairs that have a gap, from the largest to the smallest, `count` evenly. A row of
/// `differences` is a behaviour's class-mean difference.
std::vector<GapPair> gap_pairs(const std::vector<Vector>& differences, Index count);

/// Of a mixture of two: the authors' normalised gap of the first over the second, and when the
/// lower priority catches up with the higher.
double gap_of_two(const MixtureRun& run);
double crossing_of_two(const MixtureRun& run);

}  // namespace prefdyn
