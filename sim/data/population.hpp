#pragma once
// A population of the user's own, a mixture of Gaussians with labels:
//   component k has share w_k, label s_k in {-1, +1} and features N(mu_k, Sigma_k),
// with its moments in closed form. Labels and components of a sample are not random: component k
// gets its share of the rows.

#include <string>
#include <vector>

#include "sim/base/npy.hpp"
#include "sim/data/covariance.hpp"
#include "sim/data/dataset.hpp"
#include "sim/data/sampling.hpp"

namespace prefdyn {

/// As they lie in a file (docs/your-data.md).
struct PopulationArrays {
    NpyArray weights;      ///< w (C), positive, adding up to 1
    NpyArray labels;       ///< s (C), +1 or -1, both of them
    NpyArray means;        ///< mu (C, d), feature units
    NpyArray covariances;  ///< Sigma (C, d, d), or their diagonals (C, d), feature units squared
};

/// Exact moments of all components of one label.
struct ClassMoments {
    double share;       ///< p_+ or p_-
    Vector mean;        ///< (d)
    Matrix covariance;  ///< (d, d): of the components and between their means
};

class Population {
  public:
    struct Component {
        double weight;
        int label;
        Vector mean;  ///< (d)
        Covariance covariance;
    };

    /// `place`, a path, is named in errors and gives the name. Throws InputError with array, index,
    /// value and hint. Eigenvalues between 0 and -1e-10 of the largest are rounding and become 0.
    Population(PopulationArrays arrays, const std::string& place);

    const std::string& name() const { return name_; }
    /// Of the numbers alone, a UUID: the same from an HDF5 file and from .npy files.
    const std::string& hash() const { return hash_; }
    /// "pop.h5 @ UUID": what it is called where a file may change.
    std::string known_name() const { return name_ + " @ " + hash_; }
    const std::vector<Component>& components() const { return components_; }
    Index dimension() const { return components_.front().mean.size(); }

    /// label is +1 or -1.
    ClassMoments class_moments(int label) const;
    double distinguishability() const;  ///< D = ||mu_+ - mu_-||
    double p_plus() const;
    Vector zbar() const;  ///< E z = sum_k w_k s_k mu_k (d)

    /// Rows of each component in a sample of n (C): shares, the largest remainders first. Throws
    /// InputError if one has none.
    std::vector<Index> counts(Index n) const;
    /// The least n that gives every component at least `rows`.
    Index least_samples(Index rows) const;

    /// n rows, component by component. Row i depends on (seed, held_out, i) and n alone.
    Dataset sample(Index n, std::uint64_t seed, bool held_out = false,
                   Device device = Device::kCpu) const;

  private:
    std::string name_, hash_;
    std::vector<Component> components_;
};

/// From an HDF5 file, read in a process of its own, or a folder with weights.npy, labels.npy,
/// means.npy and covariances.npy. Throws InputError with file, array, index, value and hint.
Population read_population(const std::string& path);

}  // namespace prefdyn
