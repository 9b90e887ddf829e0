#include "sim/loss/phi_rows.hpp"

#include "sim/base/levels/lanes.hpp"

namespace prefdyn::PREFDYN_LEVEL {

namespace {

void values(const MarginPhi& phi, const double* margin, std::ptrdiff_t n, double* out) {
    phi.visit(
        [&](const auto& of) { map(margin, n, out, [&](const V& m) { return of.value(m); }); });
}

void derivatives(const MarginPhi& phi, const double* margin, std::ptrdiff_t n, double* out) {
    phi.visit(
        [&](const auto& of) { map(margin, n, out, [&](const V& m) { return of.derivative(m); }); });
}

}  // namespace

const PhiRows phi_rows = {values, derivatives};

}  // namespace prefdyn::PREFDYN_LEVEL
