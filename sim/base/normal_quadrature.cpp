#include "sim/base/normal_quadrature.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

namespace prefdyn {

NormalRule gauss_hermite(Index count) {
    // Jacobi matrix of the Hermite polynomials orthonormal under N(0, 1): zero diagonal, sqrt(k)
    // beside it. Its eigenvalues are the nodes, the squared first components the weights.
    Vector beside(count - 1);
    for (Index k = 1; k < count; ++k) beside(k - 1) = std::sqrt(static_cast<double>(k));
    Eigen::SelfAdjointEigenSolver<Matrix> solver;
    solver.computeFromTridiagonal(Vector::Zero(count), beside, Eigen::ComputeEigenvectors);
    return {solver.eigenvalues(), solver.eigenvectors().row(0).transpose().cwiseAbs2()};
}

NormalRule trapezoid(double step) {
    constexpr double kReach = 9.0;
    const auto side = static_cast<Index>(std::ceil(kReach / step));
    NormalRule rule{Vector(2 * side + 1), Vector(2 * side + 1)};
    for (Index k = 0; k <= 2 * side; ++k) {
        const double x = static_cast<double>(k - side) * step;
        rule.node(k) = x;
        rule.weight(k) = std::exp(-0.5 * x * x);
    }
    rule.weight /= rule.weight.sum();
    return rule;
}

NormalRule rule_for(double deviation) {
    constexpr double kHermiteLimit = 2.0;
    static const NormalRule hermite = gauss_hermite(100);
    // Poles at distance pi / deviation: 2 pi^2 / (deviation step) = 33 and exp(-33) < 1e-14.
    return deviation <= kHermiteLimit ? hermite : trapezoid(0.6 / deviation);
}

}  // namespace prefdyn
