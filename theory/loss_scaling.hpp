#pragma once

namespace prefdyn::theory {

/// The first updates W'(0) = -grad L(0) that a loss and the DPO loss give on the same data.
struct InitialUpdates {
    double rate, rate_dpo;  ///< Frobenius norms: R(0) of either
    double along, across;   ///< W'(0) along the unit vector of W'_DPO(0), and norm of the rest
    double error = 0.0;     ///< of each of these but rate_dpo, and of -2 phi'(0) rate_dpo
};

}  // namespace prefdyn::theory
