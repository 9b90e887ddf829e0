#pragma once
// The claims of theory.md that a certificate covers: each formula once more, in exact numbers. A
// test holds every one of them against the claim's own comparisons in double precision.

#include <functional>

#include "experiments/certify/exact/decide.hpp"
#include "experiments/certify/exact/walk.hpp"

namespace prefdyn::certify {

/// What a claim is told of the run.
struct Told {
    const Subject& subject;
    Rows rows;  ///< that statistics are of
    ExactPhi phi;
    Real beta, eta, kappa;
    RealVector zbar;       ///< (1/n) sum z_i
    Real zbar_norm, rate;  ///< ||zbar||, and R(0) = sqrt(2) beta |phi'(0)| ||zbar||
    Real distance;         ///< D = ||mu_+ - mu_-||
    bool balanced;
    RealVector projection, cosine;      ///< of z_i on zbar (n)
    std::vector<RealVector> behaviour;  ///< b_k (K)

    explicit Told(const Subject& subject);
    Real time(Index step) const { return eta * Real(static_cast<double>(step)); }

  private:
    void behaviours(const Dataset& data);
};

struct ExactClaim {
    std::function<std::vector<ExactComparison>(const Told&, const Walk&)> compare;
    double eta_kappa = 0.0;       ///< the largest it is claimed for; 0: any
    bool starts_falling = false;  ///< needs phi'(0) < 0
    bool needs_infimum = false;   ///< inf phi must be finite
    bool needs_behaviours = false;
};

/// Null for a claim that is not covered, or is a formula.
const ExactClaim* exact_claim(const std::string& id);

/// Of a claim that is covered.
std::vector<ExactComparison> exact_comparisons(const theory::Claim& claim, const Told& told,
                                               const Walk& walk);

}  // namespace prefdyn::certify
