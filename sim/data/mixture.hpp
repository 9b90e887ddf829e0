#pragma once
// Several behaviours that share one response pair (theory.md T8):
//   g | behaviour k, class c  =  m + c delta_k / 2 + Q_k diag(lambda_k)^(1/2) xi_k,   c in {-1,
//   +1},
// with a prescribed Gram matrix delta_j . delta_k. Two conventions are around: delta_k is the
// class-mean difference mu_+ - mu_- (the b of the authors' code); theory.md's b_k is the mean of
// z = s g in behaviour k, which is delta_k / 2 when its classes are balanced.

#include <optional>
#include <vector>

#include "sim/data/distribution.hpp"

namespace prefdyn {

struct BehaviourSpec {
    double weight = 1.0;        ///< q_k, share of the samples
    double p_plus = 0.5;        ///< n_k+ = round(p_plus n_k)
    CovarianceSpec covariance;  ///< of the positive class, and of the negative one unless given
    std::optional<CovarianceSpec> covariance_minus;  ///< own spectrum and own basis
    NoiseSpec noise;
};

enum class Placement { kAxis, kRandom };  ///< span of the differences: first axes, or Haar random

struct MixtureSpec {
    Index samples = 1000;  ///< n
    Index dimension = 64;  ///< d
    std::vector<BehaviourSpec> behaviours;
    Matrix gram;               ///< (K, K), delta_j . delta_k, feature units squared
    double common_norm = 0.0;  ///< ||m||; m is orthogonal to every delta_k
    Moments moments = Moments::kPopulation;
    Placement placement = Placement::kRandom;
};

/// Norms r_k (K) and one angle between every two: r_j r_k cos(degrees), r_k^2 on the diagonal.
Matrix equiangular_gram(const Vector& norms, double degrees);

/// `count` cut in the proportions `weight`: floors, then one more each in the order of the largest
/// remainders (equal ones: the first).
std::vector<Index> largest_remainder(const std::vector<double>& weight, Index count);

/// (K, r) factor with B B^T = gram, r its numerical rank. Throws InputError unless gram is finite,
/// symmetric and positive semi-definite to rounding.
Matrix gram_factor(const Matrix& gram);

/// Throws one InputError that lists everything wrong with the spec.
void validate(const MixtureSpec& spec);

class MixtureDistribution {
  public:
    /// `seed` fixes the geometry (placement, bases), not the samples.
    MixtureDistribution(MixtureSpec spec, std::uint64_t seed);

    const MixtureSpec& spec() const { return spec_; }
    std::uint64_t geometry_seed() const { return seed_; }
    /// Exact moments of each behaviour.
    const std::vector<PopulationMoments>& moments() const { return moments_; }
    /// (K, d), row k is delta_k.
    const Matrix& difference() const { return difference_; }
    /// n_k (K).
    const std::vector<Index>& counts() const { return counts_; }

    /// n rows, behaviour by behaviour, the positive class first; nothing of the size of the
    /// features is copied. Row i depends on (seed, held_out, i) alone. With Moments::kSample every
    /// behaviour's class means and covariances equal moments() to rounding.
    Dataset sample(std::uint64_t seed, bool held_out = false, Device device = Device::kCpu) const;

  private:
    MixtureSpec spec_;
    std::uint64_t seed_;
    Matrix difference_;
    std::vector<Index> counts_;
    std::vector<PopulationMoments> moments_;
};

}  // namespace prefdyn
