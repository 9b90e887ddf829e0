#pragma once
#include "experiments/program/parameter_table.hpp"
#include "sim/data/distribution.hpp"
#include "sim/head/engine.hpp"
#include "sim/head/trainer.hpp"

namespace prefdyn {

/// Spectrum of the negative class: the positive one's, or its own.
enum class MinusSpectrum { kSame, kIsotropic, kPowerLaw, kCondition };

/// Everything that determines a run.
struct RunConfig {
    FeatureSpec features;
    std::string population;  ///< what is drawn from instead (kept_populations.hpp); empty: nothing
    MinusSpectrum spectrum_minus = MinusSpectrum::kSame;
    CovarianceSpec minus;  ///< used unless spectrum_minus is kSame
    Index held_out = 0;    ///< samples of the held-out set
    EngineKind engine = EngineKind::kReduced;
    std::size_t loss = 0;          ///< index into loss_names()
    double label_smoothing = 0.0;  ///< eps of cdpo, robust, exo_pair, aot
    double discopop_tau = 0.05;
    Index vocabulary = 2;          ///< V
    double reference_scale = 0.0;  ///< size of the reference logits; 0 = zero head
    double beta = 0.1;
    TrainSpec training = {.eta = 0.0};
    double eta_kappa = 0.5;  ///< eta * kappa, used where training.eta is 0
    std::uint64_t seed = 1;
    Device device = Device::kCpu;  ///< no part of the run's identity
};

/// Declares every member above but the device under its command-line name.
void declare(ParameterTable& table, RunConfig& config);

/// n, d and D, all else by default.
inline FeatureSpec plain_features(Index samples, Index dimension, double distinguishability) {
    FeatureSpec out;
    out.samples = samples;
    out.dimension = dimension;
    out.distinguishability = distinguishability;
    return out;
}

/// Nothing held out, the reference is the zero head.
inline PreferenceTask plain_task(Dataset train, std::shared_ptr<const PreferenceLoss> loss,
                                 double beta, Device device) {
    PreferenceTask out;
    out.train = std::move(train);
    out.loss = std::move(loss);
    out.policy.beta = beta;
    out.device = device;
    return out;
}

/// config.features with the negative class's covariance filled in.
FeatureSpec feature_spec(const RunConfig& config);

/// Names of the options that say what data are drawn from; of given features they say nothing.
std::vector<std::string> distribution_options();

/// Those of them that a population of the user's own leaves no room for. `dimension` may say what
/// it is.
std::vector<std::string> options_of_built_in();

/// Names of the options without effect: those on given features, and of minibatches where every
/// update sees all rows.
std::vector<std::string> idle_options(const RunConfig& config, bool features_given);

/// Loss, parameters and beta as make_loss takes them.
LossSpec loss_spec(const RunConfig& config);

/// UUID of canonical config and dataset checksum; `head` names a reference head that the config
/// does not determine.
std::string run_id(const RunConfig& config, const Dataset& data, const std::string& head = "");

}  // namespace prefdyn
