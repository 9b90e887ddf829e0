#pragma once
// What claims are held against: what is said of the training, and what was measured.

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>

#include "sim/head/trajectory.hpp"
#include "sim/loss/loss.hpp"
#include "theory/population.hpp"
#include "theory/statistics.hpp"

namespace prefdyn::theory {

/// kTransformer: weights below the head move too, or in single precision; nothing is known of an
/// exact training.
enum class Dynamics { kGradientFlow, kGradientDescent, kStochastic, kAdaptive, kTransformer };

/// How the head was trained, as claimed by whoever ran it.
struct TrainingFacts {
    Dynamics dynamics = Dynamics::kGradientDescent;
    double beta = 0.1;
    double eta = 0.1;  ///< t = eta * step
    LossFacts loss{};
    bool from_reference = true;                       ///< training started at W = W_0
    std::shared_ptr<const MarginLoss> phi = nullptr;  ///< the loss of the margin itself; null if
                                                      ///< it is none or only facts are known
    std::string loss_name = {};                       ///< empty: not known
};

struct MinibatchFacts;       // T2s, T6g
struct NoiseFloor;           // T5n
struct FreshAccuracy;        // T6c
struct Convergence;          // T6d, T7
struct BehaviourStatistics;  // T8
struct TwoLayerFacts;        // T9
struct TabularFacts;         // T10
struct InfluenceFacts;       // what happens to probabilities
struct InitialUpdates;       // T11
struct ClusterFacts;         // T14
struct AnswerFacts;          // T17
struct UnseenFacts;          // T16
struct SamplerFacts;         // T18
struct NoisyFacts;           // T21
struct RecursionFacts;       // T22
struct DesignFacts;          // T23
struct StepFacts;            // T24

/// What a case of evidence is made of, borrowed. A part that was not measured is null.
template <class... Part>
using Parts = std::tuple<const Part*...>;

using RunCase = Parts<DatasetStatistics, Trajectory>;
using ReplicateCase = Parts<MeanStatistics>;  ///< an untrained sample
using MinibatchCase = Parts<DatasetStatistics, Trajectory, MinibatchFacts>;
using FloorCase = Parts<NoiseFloor>;
using FreshCase = Parts<DatasetStatistics, Trajectory, FreshAccuracy>;
using ConvergenceCase = Parts<Convergence>;
using BehaviourCase = Parts<DatasetStatistics, Trajectory, BehaviourStatistics>;
using TwoLayerCase = Parts<Trajectory, TwoLayerFacts>;
using TabularCase = Parts<TabularFacts>;
using InfluenceCase = Parts<InfluenceFacts>;
using UpdatesCase = Parts<DatasetStatistics, Trajectory, InitialUpdates>;
using ClusterCase = Parts<ClusterFacts>;
using AnswerCase = Parts<AnswerFacts>;
using UnseenCase = Parts<UnseenFacts>;
using SamplerCase = Parts<SamplerFacts>;
using NoisyCase = Parts<NoisyFacts>;
using RecursionCase = Parts<RecursionFacts>;
using DesignCase = Parts<DesignFacts>;
using StepCase = Parts<StepFacts>;
using Case = std::variant<std::monostate, RunCase, MinibatchCase, ReplicateCase, FloorCase,
                          FreshCase, ConvergenceCase, BehaviourCase, TwoLayerCase, TabularCase,
                          InfluenceCase, UpdatesCase, ClusterCase, AnswerCase, SamplerCase,
                          RecursionCase, StepCase, DesignCase, UnseenCase, NoisyCase>;

/// One case a claim is held against.
struct Evidence {
    Case of{};
    std::optional<PopulationFacts> population;
    TrainingFacts training;
    double delta = 0.05;             ///< allowed failure probability of T5
    std::optional<double> constant;  ///< C of T5a, if one is to be tested

    /// Null where the case has no such part.
    template <class Part>
    const Part* find() const;
    /// Throws std::logic_error where the case has no such part: assumptions look first.
    template <class Part>
    const Part& get() const {
        if (const Part* part = find<Part>()) return *part;
        throw std::logic_error("a case of evidence was asked for a part that its kind lacks");
    }
    const MeanStatistics& means() const { return get<MeanStatistics>(); }
    const DatasetStatistics& statistics() const { return get<DatasetStatistics>(); }
    const Trajectory& trajectory() const { return get<Trajectory>(); }
};

}  // namespace prefdyn::theory
