#pragma once
// Statistics of the dataset at hand, in the notation of theory.md. Computed here from the
// features alone, never with the simulator's code.

#include <optional>

#include "sim/base/numerics.hpp"
#include "sim/data/dataset.hpp"

namespace prefdyn::theory {

/// First moments: O(n d).
struct MeanStatistics {
    Index n = 0, n_plus = 0, n_minus = 0;
    double p_plus = 0.0;           ///< n_+ / n
    Vector mean_plus, mean_minus;  ///< mu_+, mu_- (d), sample means
    Vector zbar;                   ///< (1/n) sum s_i g_i = p_+ mu_+ - p_- mu_-  (d)
    double zbar_norm = 0.0;
    double distinguishability = 0.0;  ///< Dhat = || mu_+ - mu_- ||
    double mean_square = 0.0;         ///< tr M = (1/n) sum ||g||^2
};

/// Second moments as well: O(n d min(n, d)).
struct DatasetStatistics : MeanStatistics {
    /// tr Sigma_+-, ddof = 1; NaN for a class of one and where they are not computed.
    double trace_plus = kNan, trace_minus = kNan;
    double norm_plus = kNan, norm_minus = kNan;  ///< || Sigma_+- ||_2
    double lambda_max = 0.0;                     ///< largest eigenvalue of M = (1/n) sum g g^T
    Vector cosine;                   ///< cos(z_i, zbar), z_i = s_i g_i (n); 0 where either vanishes
    Vector projection;               ///< zbar^T z_i / ||zbar|| (n); 0 if zbar vanishes
    Vector row_norm;                 ///< ||g_i|| (n)
    std::vector<std::int8_t> label;  ///< s_i (n)
    double trace() const { return trace_plus > trace_minus ? trace_plus : trace_minus; }
    double concentration() const { return norm_plus > norm_minus ? norm_plus : norm_minus; }
    /// E of the sampling noise in Dhat^2: tr Sigma_+ / n_+ + tr Sigma_- / n_-.
    double noise_floor_squared() const;
    /// sqrt(max(0, Dhat^2 - noise floor^2)).
    double distinguishability_debiased() const;
};

MeanStatistics mean_statistics(const Dataset& data);
DatasetStatistics dataset_statistics(const Dataset& data);
/// Without Sigma_+-: O(n d), and O(n d min(n, d)) where lambda_max is not given.
DatasetStatistics statistics_without_spread(const Dataset& data,
                                            std::optional<double> lambda_max = {});

/// Largest eigenvalue of X^T X / divisor, X (n, d), through the smaller of the two Gram matrices.
double gram_norm(const RowMatrix& x, double divisor);

}  // namespace prefdyn::theory
