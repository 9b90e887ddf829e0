#pragma once
// DPO on clusters, reduced: of the head only the differences a_k = w_first - w_second of the pairs'
// rows enter a margin, m_j = beta a_k . z_j, and they move among themselves,
//   a_k' = (beta / N) sum_l <u_k, u_l> sum_{j in l} sigma(-m_j) z_j.

#include "sim/clusters/clusters.hpp"

namespace prefdyn {

class PairHeads {
  public:
    /// Rows of `z` as sample_clusters gives them; borrowed.
    PairHeads(const RowMatrix& z, const std::vector<TokenPair>& pairs, double beta);

    /// m_j (N) at a (K, d), which start at 0.
    Vector margins(const RowMatrix& a) const;
    /// a' at a, (K, d).
    RowMatrix slope(const RowMatrix& a) const;

    struct Flow {
        RowMatrix a;   ///< (K, d)
        double error;  ///< of a, ||.||_F: the difference to half as many steps
    };
    /// The gradient flow from `start`, for that long: classical Runge-Kutta in 2 `steps` steps.
    Flow flow(const RowMatrix& start, double duration, int steps) const;

  private:
    RowMatrix walked(RowMatrix a, double duration, int steps) const;

    const RowMatrix& z_;
    Matrix gram_;
    double beta_;
    Index clusters_, rows_;  ///< K, and rows of a cluster
};

}  // namespace prefdyn
