#pragma once
#include <cstddef>

#include "sim/base/levels/level.hpp"
#include "sim/loss/margin_phi.hpp"

namespace prefdyn {

/// phi and phi' of n margins.
struct PhiRows {
    void (*values)(const MarginPhi& phi, const double* margin, std::ptrdiff_t n, double* out);
    void (*derivatives)(const MarginPhi& phi, const double* margin, std::ptrdiff_t n, double* out);
};
PREFDYN_KERNELS(PhiRows, phi_rows)

}  // namespace prefdyn
