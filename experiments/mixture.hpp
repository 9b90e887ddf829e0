#pragma once
// Several behaviours trained together, and the population they are drawn from.

#include <string>
#include <vector>

#include "sim/distribution.hpp"
#include "sim/trainer.hpp"
#include "theory/population_dynamics.hpp"

namespace prefdyn {

struct BehaviourShare {
    FeatureSpec features;  ///< samples is set by the size of the mixture
    double weight;         ///< q_k
};

/// A mixture with everything random about its geometry fixed.
class MixturePopulation {
  public:
    /// `seed` fixes directions and bases.
    MixturePopulation(const std::vector<BehaviourShare>& shares, std::uint64_t seed);

    /// Components of z, two for each behaviour.
    theory::Mixture components() const;

    /// round(q_k n) rows of behaviour k, one behaviour after the other.
    Dataset sample(Index n, std::uint64_t seed) const;

  private:
    std::vector<BehaviourShare> shares_;
    std::uint64_t seed_;
};

/// Gradient flow on `data` from the reference head to `end`, Record::observed holding v.
Trajectory watched_flow(Dataset data, const std::shared_ptr<const MarginLoss>& loss, double beta,
                        double end, Index records);

}  // namespace prefdyn
