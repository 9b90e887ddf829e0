#include "sim/base/largest_eigenvalue.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <cmath>

#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

constexpr int kShifts = 8;  // tried together: a pivot's division waits for the one before
using Shifts = std::array<double, kShifts>;

/// The symmetric tridiagonal matrix T with diagonal a (d) and squared off-diagonal b (d - 1).
struct Tridiagonal {
    Vector a, b;
};

/// How many of the increasing x have an eigenvalue at or above them. T - x has as many negative
/// eigenvalues as its elimination without exchanges, T - x = L Q L^T, has negative pivots.
int below_largest(const Tridiagonal& t, const Shifts& x) {
    Shifts q, least;  // least: the negative of the smallest |q|, or what is not negative
    for (int k = 0; k < kShifts; ++k) least[k] = q[k] = t.a(0) - x[k];
    for (Index i = 1; i < t.a.size(); ++i)
        for (int k = 0; k < kShifts; ++k) {
            q[k] = (t.a(i) - x[k]) - t.b(i - 1) / q[k];
            least[k] = q[k] > least[k] ? q[k] : least[k];
        }
    int out = 0;
    while (out < kShifts && !(least[out] < 0.0)) ++out;
    return out;
}

/// No eigenvalue is above it: the largest row sum of |T|, with the diagonal's sign.
double gershgorin(const Vector& a, const Vector& e) {
    double out = a(0);
    for (Index i = 0; i < a.size(); ++i) {
        const double left = i > 0 ? std::fabs(e(i - 1)) : 0.0;
        const double right = i + 1 < a.size() ? std::fabs(e(i)) : 0.0;
        out = std::max(out, a(i) + (left + right));
    }
    return out;
}

/// Cuts the interval that holds the largest eigenvalue into pieces until two numbers are left.
double sturm_bisection(const Tridiagonal& t, double low, double high) {
    for (;;) {
        Shifts x;
        const double step = (high - low) / (kShifts + 1);
        for (int k = 0; k < kShifts; ++k) x[k] = std::min(low + (k + 1) * step, high);
        const int below = below_largest(t, x);
        const double from = below > 0 ? x[below - 1] : low, to = below < kShifts ? x[below] : high;
        if (!(to - from < high - low)) return low;
        low = from;
        high = to;
    }
}

}  // namespace

double largest_eigenvalue(const Matrix& symmetric) {
    if (!symmetric.allFinite()) return kNan;
    const double scale = symmetric.cwiseAbs().maxCoeff();  // squares must stay in range
    if (scale == 0.0) return 0.0;
    if (symmetric.size() == 1) return symmetric(0, 0);
    const Eigen::Tridiagonalization<Matrix> form(symmetric / scale);
    const Vector a = form.diagonal(), e = form.subDiagonal();
    return scale * sturm_bisection({a, e.array().square()}, a.maxCoeff(), gershgorin(a, e));
}

}  // namespace prefdyn
