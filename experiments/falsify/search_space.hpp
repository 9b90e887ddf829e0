#pragma once
// What the falsifier searches: points of a unit cube, each a case that can be run and judged.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "experiments/certify/subject.hpp"
#include "experiments/runs/mixture_run.hpp"
#include "experiments/runs/run.hpp"
#include "experiments/runs/two_layer_run.hpp"
#include "theory/influence.hpp"

namespace prefdyn {

/// What a case came out as.
using CaseResult = std::variant<RunResult, MixtureRun, TwoLayerRun, theory::InfluenceFacts>;

/// Borrows from `result`.
theory::Evidence evidence_of(const CaseResult& result);

struct SearchCase {
    RunConfig config;
    std::optional<Dataset> features;                    ///< if not sampled from config.features
    std::vector<std::pair<std::string, double>> dials;  ///< what else it is made of, for people
    std::function<CaseResult(Device)> run;              ///< what run_synthetic and the like throw
    /// What came of run(), to be repeated in exact numbers.
    std::function<certify::AnySubject(const CaseResult&)> subject;
};

/// Maps the cube [0, 1]^size to cases.
class SearchSpace {
  public:
    virtual ~SearchSpace() = default;
    virtual std::string name() const = 0;
    virtual std::size_t size() const = 0;
    virtual SearchCase at(const std::vector<double>& x) const = 0;
};

/// Whether any space has cases that the claim says something about.
bool has_search_space(const theory::Claim& claim);

/// The space for one restart that the claim asks for (theory::Search); even restarts search sampled
/// distributions (n, d, D, balance, common mean, spectrum, tails, beta, eta, steps, method), odd
/// ones the raw features of n <= 8 samples in d <= 4 dimensions; BehaviourSearch splits either
/// among behaviours, TwoLayerSearch trains features of them. ContextSearch has the dials of
/// experiments/studies/probabilities/context_cases.hpp. `seed` fixes what is random.
std::unique_ptr<SearchSpace> search_space(const theory::Claim& claim, std::size_t restart,
                                          std::uint64_t seed);

/// Sampled distributions, or raw features: what the spaces above are made from.
std::unique_ptr<SearchSpace> dial_space(std::uint64_t seed, const Kept& keep = {},
                                        double most_eta_kappa = 2.0);
std::unique_ptr<SearchSpace> feature_space(std::uint64_t seed, const Kept& keep = {},
                                           double most_eta_kappa = 2.0);

/// Up to which step size runs are searched: 20 / kappa for a user's claim that assumes nothing of
/// the trainer, else 2 / kappa.
double most_eta_kappa(const theory::Claim& claim);

/// Coordinate x of [0, 1] to [low, high], linearly or in the logarithm.
double between(double x, double low, double high);
double log_between(double x, double low, double high);
Index whole(double x, double low, double high);  ///< rounded, logarithmic
std::size_t pick(double x, std::size_t options);

}  // namespace prefdyn
