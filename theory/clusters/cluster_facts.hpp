#pragma once
// What is known and measured of a head trained on clusters with response pairs (theory.md T14).

#include <vector>

#include "sim/clusters/clusters.hpp"

namespace prefdyn::theory {

/// Of the data, then of the training: gradient flow from the reference, DPO.
struct ClusterFacts {
    ClusterSpec spec;
    double beta = 0.1;
    Vector length;  ///< ||z_j|| (N)
    Vector slope;   ///< m_j'(0) (N)
    /// Of each pair's rows alone, with weight 1/N (K): kappa_k and ||v_k'(0)||, a_k = 2 v_k.
    Vector kappa, start_rate;

    std::vector<double> time;        ///< (R), after the start
    std::vector<Vector> margin;      ///< m_j (R) of (N)
    std::vector<double> head_size;   ///< largest ||a_k|| (R)
    std::vector<double> head_error;  ///< of a, ||.||_F (R)
    /// At the last record, of the first samples of every cluster: m_j' by moving the tokens' rows,
    /// and by Lemma 4.1.
    Vector slope_by_rows, slope_by_sum;
    double slope_error = 0.0;
    double risk = 0.0, risk_error = 0.0;  ///< P(m <= 0) of a fresh sample at the last record

    Index pair_of(Index sample) const { return sample / (2 * spec.samples); }
};

/// tau_1 = K log 3 / (5 beta^2), until which Theorem 4.2 speaks.
double path_end(const ClusterSpec& spec, double beta);

/// What the data alone say; `z` as sample_clusters gives it.
ClusterFacts cluster_facts(const ClusterSpec& spec, const RowMatrix& z, double beta);

/// Lemma 4.1 (T14a) of sample j: (beta^2 / N) sum_i sigma(-m_i) <u_j, u_i> <z_j, z_i>.
double margin_slope(const RowMatrix& z, const Matrix& pair_gram, double beta, const Vector& margin,
                    Index j);

/// P(m <= 0) of a fresh sample, exact for the head a (K, d): the mean over clusters and classes of
/// Phi(-E m / sd m).
double cluster_risk(const ClusterSpec& spec, const RowMatrix& a);

/// T14b's chance to fail at most, its unnamed constant c taken infinite: 8 K Q^(9/4)
/// exp(-Q^(3/4) / 256).
double path_failure(const ClusterSpec& spec);
/// T14d's bound on the risk: 2 K Q^2 exp(-Q / 45).
double risk_bound(const ClusterSpec& spec);

}  // namespace prefdyn::theory
