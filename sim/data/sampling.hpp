#pragma once
// What every synthetic distribution is sampled with: random directions, covariances in random
// bases, and the rows of one class, mean + Q diag(lambda)^(1/2) xi.

#include <string>
#include <vector>

#include "sim/cuda/device.hpp"
#include "sim/data/covariance.hpp"
#include "sim/data/noise.hpp"

namespace prefdyn {

/// Whether moments are exact in the population or in each class of the sample.
enum class Moments { kPopulation, kSample };
/// Names in the order of `Moments`.
inline std::vector<std::string> moments_names() { return {"population", "sample"}; }

/// Uniform on the sphere in R^d.
Vector random_unit(Index d, Stream stream);

/// A unit vector orthogonal to u (d > 1).
Vector random_orthogonal_unit(const Vector& u, Stream stream);

/// The spectrum of `spec` in a random basis (isotropic: no basis).
Covariance make_covariance(const CovarianceSpec& spec, Index d, Stream basis);

/// Law of the features of one class.
struct ClassLaw {
    const NoiseSpec& noise;
    const Covariance& covariance;
    const Vector& mean;
};

/// Rows first, first + 1, ... of a sample; row i depends on (seed, held_out, i) alone.
struct RowNames {
    std::uint64_t seed;
    bool held_out;
    Index first;

    Purpose purpose() const { return held_out ? Purpose::kHeldOutFeatures : Purpose::kFeatures; }
};

/// Fills x (rows, d) in place. With Moments::kSample the mean and the (ddof = 1) covariance of the
/// rows equal those of the law to rounding; this takes more than d rows. The bits are the same for
/// any number of threads, and on the processor and a card.
void fill_class(const ClassLaw& law, Moments moments, const RowNames& names,
                Eigen::Ref<RowMatrix> x, Device device);

}  // namespace prefdyn
