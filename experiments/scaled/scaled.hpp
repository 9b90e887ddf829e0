#pragma once
// The experiments of the paper's section on real models, on features and head of a language model:
// properties, the last layer trained as published, two behaviours at once, flipped labels.

#include "experiments/runs/mixture_run.hpp"
#include "experiments/verify/verify.hpp"
#include "sim/base/bootstrap.hpp"
#include "sim/data/split.hpp"

namespace prefdyn {

struct ScaledPlan {
    VerifyPlan verify;  ///< claims on the features, beta and seed
    TrainSpec training = {.method = Method::kSgd,
                          .eta = 0.1,
                          .steps = 100,
                          .batch = 128,
                          .sampling = Sampling::kFresh};  ///< of the last layer
    double held_out = 0.1;  ///< share of every behaviour that is not trained on
    SplitKind split = SplitKind::kRandom;
    Index pairs = 4;        ///< pairs of behaviours trained together
    Index cross_check = 1;  ///< behaviours trained with the dense V x d head as well
};

/// Where a behaviour's rows come from.
struct BehaviourOrigin {
    std::string source, shared_tokens, data_hash, tokens_hash;
    std::int64_t filtered = 0, truncated = 0;
};

/// Features of one model. All behaviours share the response pair.
struct ScaledInput {
    std::vector<Dataset> behaviours;
    std::vector<BehaviourOrigin> origins;  ///< one a behaviour, or none
    Policy policy;                         ///< vocabulary and response pair; the head is `head`
    HeadRows head;
    std::string model_hash;
};

/// Suites of the runs beside "features": the last layer as published, the same with every label
/// flipped from the base and from the aligned head (each its own reference), and a Gaussian twin of
/// every behaviour, trained as in "features".
inline constexpr const char* kLastLayer = "last layer";
inline constexpr const char* kFlippedBase = "flipped, from base";
inline constexpr const char* kFlippedAligned = "flipped, from aligned";
inline constexpr const char* kTwin = "Gaussian twin";

/// Largest relative difference of a trajectory that the reduced and the dense engine may show.
inline constexpr double kCrossCheckTolerance = 1e-6;

struct RankCorrelation {
    std::string what;
    Interval value;  ///< over behaviours; no interval for fewer than kFewestForInterval
    double p;        ///< rank_correlation_p
};

/// Two behaviours trained together as published.
struct ScaledPair : GapPair {
    Trajectory trajectory;  ///< behaviour 0 is `high`
};

struct ScaledFindings {
    Verification verification;
    std::vector<RankCorrelation> correlations;
    std::vector<double> cross_check;  ///< largest relative difference (behaviour), NaN: not checked
    std::vector<ScaledPair> pairs;
    bool as_expected() const;
};

ScaledFindings run_scaled(const std::vector<theory::Claim>& claims, const ScaledInput& input,
                          ScaledPlan plan);

/// Fields of a result file beyond verify's, and what goes into them: added to
/// `findings.verification.study_values`.
std::vector<Field> scaled_fields();
void put_scaled(ScaledFindings& findings, const ScaledInput& input);

/// Isotropic Gaussian data with the numbers of a behaviour: n, d, balance, debiased D, mean trace,
/// norm and angle of the common mean.
FeatureSpec gaussian_twin(const theory::DatasetStatistics& statistics);

}  // namespace prefdyn
