#pragma once
// Class-conditional feature distributions with dialled distinguishability and exact moments:
//   g | class c  =  m + c (D/2) u + Q diag(lambda)^(1/2) xi,     c in {-1, +1},
// u the unit direction of the mean difference, m the common mean, xi standardised noise.

#include <optional>
#include <string>
#include <vector>

#include "sim/data/covariance.hpp"
#include "sim/data/dataset.hpp"
#include "sim/data/noise.hpp"
#include "sim/data/sampling.hpp"

namespace prefdyn {

enum class Direction { kAxis, kRandom, kTop, kBottom };

/// Names in the order of the enumerations.
inline std::vector<std::string> direction_names() { return {"axis", "random", "top", "bottom"}; }

struct FeatureSpec {
    Index samples = 1000;                    ///< n
    Index dimension = 64;                    ///< d
    double p_plus = 0.5;                     ///< n_+ = round(p_plus n), labels are not random
    double distinguishability = 1.0;         ///< D = ||mu_+ - mu_-||, feature units
    Moments moments = Moments::kPopulation;  ///< what D and Sigma are exact in
    Direction direction =
        Direction::kAxis;        ///< of the mean difference; top/bottom: eigenvector of Sigma_+
    double common_norm = 0.0;    ///< ||m||
    double common_angle = 90.0;  ///< degrees between m and mu_+ - mu_-
    CovarianceSpec covariance;   ///< of the positive class, and of the negative one unless given
    std::optional<CovarianceSpec> covariance_minus;  ///< own spectrum and own basis
    NoiseSpec noise;
    double label_noise = 0.0;  ///< rho: each observed label is flipped with this probability
};

/// Exact population moments of the two classes.
struct PopulationMoments {
    Vector mean_plus, mean_minus;  ///< (d)
    Covariance plus, minus;
    bool finite_covariance = true;
    bool gaussian = true;
    double subexponential_exponent = 2.0;  ///< alpha of the tails; 0 if there is none
    double bernstein_scale = 0.0;          ///< of a coordinate; infinity if there is none
};

/// Throws one InputError that lists everything wrong with the spec.
void validate(const FeatureSpec& spec);

Index class_count(const FeatureSpec& spec, int sign);

class FeatureDistribution {
  public:
    /// `seed` fixes the geometry (bases, random directions), not the samples.
    FeatureDistribution(FeatureSpec spec, std::uint64_t seed);

    const FeatureSpec& spec() const { return spec_; }
    const PopulationMoments& moments() const { return moments_; }

    /// n rows, the positive class first. Row i depends on (seed, held_out, i) alone. With
    /// Moments::kSample the class means and (ddof = 1) covariances equal moments() to rounding.
    Dataset sample(std::uint64_t seed, bool held_out = false, Device device = Device::kCpu) const;

  private:
    FeatureSpec spec_;
    PopulationMoments moments_;
};

}  // namespace prefdyn
