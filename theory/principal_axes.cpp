#include "theory/principal_axes.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

namespace prefdyn::theory {

namespace {

/// Through the smaller of the two Gram matrices, X X^T or X^T X; eigenvalues ascend.
Matrix leading_projections(const RowMatrix& x, Index count, Vector& values) {
    const bool wide = x.cols() > x.rows();
    const Matrix gram = wide ? Matrix(x * x.transpose()) : Matrix(x.transpose() * x);
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(gram);
    values = solver.eigenvalues().tail(count).reverse().cwiseMax(0.0);
    const Matrix vectors = solver.eigenvectors().rightCols(count).rowwise().reverse();
    if (!wide) return x * vectors;
    return vectors * values.cwiseSqrt().asDiagonal();
}

double class_difference(const Dataset& data, const Vector& along) {
    double out = 0.0;
    for (const int sign : {+1, -1})
        for (Index i = 0; i < data.samples(); ++i)
            if (data.label[static_cast<std::size_t>(i)] == sign)
                out += sign * along(i) / static_cast<double>(data.count(sign));
    return out;
}

}  // namespace

PrincipalAxes principal_axes(const Dataset& data, Index count) {
    count = std::min({count, data.samples(), data.dimension()});
    const RowMatrix x = data.features.rowwise() - data.features.colwise().mean();
    PrincipalAxes out;
    out.projection = leading_projections(x, count, out.share);
    for (Index k = 0; k < count; ++k)
        if (class_difference(data, out.projection.col(k)) < 0.0) out.projection.col(k) *= -1.0;
    const double total = x.squaredNorm();
    out.share = total > 0.0 ? Vector(out.share / total) : Vector(Vector::Zero(count));
    return out;
}

}  // namespace prefdyn::theory
