#pragma once
// The rows z_i = s_i g_i of a dataset as exact numbers, and what is computed from them alone.

#include <vector>

#include "experiments/certify/exact/real.hpp"
#include "sim/data/dataset.hpp"

namespace prefdyn::certify {

using RealVector = std::vector<Real>;

Real norm(const RealVector& x);
Real inner(const RealVector& a, const RealVector& b);
RealVector difference(const RealVector& a, const RealVector& b);

/// Of entry i in a container.
inline std::size_t place(Index i) { return static_cast<std::size_t>(i); }

/// Z is (n, d), row-major, exact.
struct Rows {
    Index n = 0, d = 0;
    RealVector z;

    explicit Rows(const Dataset& data);
    const Real* row(Index i) const { return z.data() + i * d; }
    Real product(Index i, const RealVector& v) const { return dot(row(i), 1, v.data(), 1, d); }
    /// sum_i weight_i z_i over all rows.
    RealVector weighted(const RealVector& weight) const;
    /// Mean of the rows for which `chosen` holds.
    template <class Chosen>
    RealVector mean(Chosen chosen) const {
        RealVector weight(static_cast<std::size_t>(n));
        double count = 0.0;
        for (Index i = 0; i < n; ++i)
            if (chosen(i)) weight[static_cast<std::size_t>(i)] = 1.0, count += 1.0;
        RealVector out = weighted(weight);
        for (Real& x : out) x /= Real(count);
        return out;
    }
};

/// Encloses the largest eigenvalue of M = (1/n) Z^T Z: a Rayleigh quotient below it, and above it a
/// mu for which mu I - M has a Cholesky factor. As narrow as the precision of the thread allows.
Real largest_eigenvalue(const Rows& rows);

}  // namespace prefdyn::certify
