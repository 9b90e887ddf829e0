#include "theory/steps/step_facts.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

namespace prefdyn::theory {

Derivatives derivatives_of(const std::vector<Matrix>& wins, double beta, double gradient) {
    double largest = 0.0, total = 0.0;
    for (const Matrix& w : wins) {
        Matrix laplacian = -(w + w.transpose());
        laplacian.diagonal() -= laplacian.rowwise().sum();
        const Eigen::SelfAdjointEigenSolver<Matrix> solver(laplacian, Eigen::EigenvaluesOnly);
        largest = std::max(largest, solver.eigenvalues().maxCoeff());
        total += w.sum();
    }
    // The solver's eigenvalues are off by a few roundings of the largest, a row a time.
    const double lambda =
        largest / total * (1.0 + gamma_of(64.0 * static_cast<double>(wins.front().rows())));
    const double squared = beta * beta * lambda;
    return {gradient, squared / 4.0, std::sqrt(2.0) * beta * squared / (6.0 * std::sqrt(3.0)),
            beta * beta * squared / 4.0};
}

Ball step_constant(const Derivatives& bound, double step) {
    const Ball h(step), G(bound.gradient), K(bound.second), M(bound.third), N(bound.fourth);
    const Ball half(0.5);
    const Ball speed = G * (Ball(1.0) + half * h * K);
    const Ball first = K + half * h * (K * K + M * G);
    const Ball second = M + half * h * (Ball(3.0) * K * M + N * G);
    return half * K * K * G + Ball(0.25) * M * G * G + Ball(0.125) * h * (K * K + M * G) * K * G +
           (second * speed * speed + first * first * speed) / Ball(6.0);
}

double slope_between(const std::vector<Ball>& error, std::size_t k) {
    return std::log2(error[k - 1].value / error[k].value);
}

}  // namespace prefdyn::theory
