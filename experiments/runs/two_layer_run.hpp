#pragma once
// One training of a model with an embedding, with all a claim may ask about it.

#include <functional>

#include "sim/head/trainer.hpp"
#include "sim/head/two_layer_engine.hpp"
#include "theory/two_layer.hpp"

namespace prefdyn {

/// How both layers are trained: full-batch gradient descent at one eta for every run compared.
struct TwoLayerTraining {
    double beta = 0.1;
    double eta = 0.1;
    Index steps = 100;
    Index every = 1;  ///< steps between records, after the first 20
    Device device = Device::kCpu;
};

struct TwoLayerRun {
    TwoLayerModel start, end;
    theory::TwoLayerFacts facts;
    theory::TrainingFacts training;
    Trajectory trajectory;

    /// Borrows from this object.
    theory::Evidence evidence() const;
    double slope() const;  ///< -L'(0) = R(0)^2
    /// First step at which the loss is at most `target`, between records linear; NaN if never.
    double steps_to_loss(double target) const;
    /// The same for the mean of log pi(chosen) - log pi(rejected) to reach 0: the policy, whatever
    /// its reference, has come to prefer what it is trained on.
    double steps_to_policy() const;
};

/// Makes the engine that trains; negative controls put a faulty one here.
using EngineMaker =
    std::function<std::unique_ptr<TwoLayerEngine>(const PreferenceTask&, const TwoLayerSpec&)>;

/// Throws InputError for a model that does not fit and Interrupted if asked to stop. The facts are
/// those of `told`, the data that the claims are told of; usually `data`.
TwoLayerRun run_two_layer(const Dataset& data, const TwoLayerSpec& spec,
                          const TwoLayerTraining& training, const Dataset& told,
                          const EngineMaker& make = {});
TwoLayerRun run_two_layer(const Dataset& data, const TwoLayerSpec& spec,
                          const TwoLayerTraining& training);

/// The same features, every label flipped.
Dataset flipped(const Dataset& data);

}  // namespace prefdyn
