#pragma once
// The run itself in exact numbers: v_{k+1} = v_k + eta beta mean(-phi'(m_i) z_i), m_i = 2 beta
// z_i . v, or SGD's and Adam's updates of it.

#include "experiments/certify/exact/phi.hpp"
#include "experiments/certify/exact/rows.hpp"
#include "experiments/certify/subject.hpp"

namespace prefdyn::certify {

/// Of a recorded step. Norms are those of the V x d head.
struct Point {
    Index step = 0;
    Real head_change, update_rate, loss;
    Real linear_remainder;         ///< at the clock's time
    Index sure = 0, possible = 0;  ///< rows with m_i > 0: certainly, and not certainly otherwise
    RealVector behaviour_margin;   ///< mean margin of each behaviour (K)
    RealVector head;               ///< v (d)
    RealVector margin;             ///< m_i (n), where Subject::keep_margins asks for them
};

struct Walk {
    std::vector<Point> points;
    RealVector behaviour_slope, behaviour_loss_slope;  ///< M_k'(0) and L_k'(0) (K)
};

/// `lambda_max` encloses that of the rows. `clock_eta`: t = clock_eta * step.
Walk walk(const Subject& subject, const Rows& rows, const ExactPhi& phi, const Real& lambda_max,
          const Real& clock_eta);

}  // namespace prefdyn::certify
