#include "theory/principal_axes.hpp"

#include <doctest/doctest.h>

#include <Eigen/QR>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

/// Two uncorrelated directions of known length in a rotated frame; the classes part along the
/// first, to its negative side.
Dataset planar(Index d) {
    const Matrix q = Eigen::HouseholderQR<Matrix>(Matrix(test::gaussian(d, d, 31))).householderQ();
    Dataset out;
    out.features.resize(4, d);
    const double at[4][2] = {{3, 1}, {3, -1}, {-3, 1}, {-3, -1}};
    for (Index i = 0; i < 4; ++i) {
        out.features.row(i) = (at[i][0] * q.col(0) + at[i][1] * q.col(1)).transpose().array() + 7.0;
        out.label.push_back(i < 2 ? -1 : 1);
    }
    return out;
}

}  // namespace

TEST_CASE("axes, their order and their shares are exact, wide and tall") {
    for (const Index d : {2, 3, 4, 50}) {
        const auto axes = theory::principal_axes(planar(d), 2);
        Matrix want(4, 2);
        want << -3, 1, -3, -1, 3, 1, 3, -1;  // class +1 is at 3: the axis points to it
        CHECK(relative_error(axes.projection.col(0), want.col(0)) <= 1e-12);
        CHECK(relative_error(axes.projection.col(1).cwiseAbs(), want.col(1).cwiseAbs()) <= 1e-12);
        CHECK(relative_error(axes.share, Vector(Eigen::Vector2d(0.9, 0.1))) <= 1e-12);
    }
}

TEST_CASE("both Gram matrices give the same axes") {
    Dataset tall;
    tall.features = test::gaussian(33, 31, 32);
    for (Index i = 0; i < 33; ++i) tall.label.push_back(i % 3 == 0 ? 1 : -1);
    Dataset wide = tall;
    wide.features.conservativeResize(33, 40);
    wide.features.rightCols(9).setZero();
    const auto a = theory::principal_axes(tall, 3), b = theory::principal_axes(wide, 3);
    CHECK(relative_error(a.projection, b.projection) <= 1e-10);
    CHECK(relative_error(a.share, b.share) <= 1e-10);
}

TEST_CASE("features that do not vary have no share") {
    Dataset data;
    data.features = RowMatrix::Constant(3, 2, 5.0);
    data.label = {1, -1, 1};
    const auto axes = theory::principal_axes(data, 2);
    CHECK(axes.share.norm() == 0.0);
    CHECK(axes.projection.norm() <= 1e-12);
    CHECK(theory::principal_axes(data, 9).share.size() == 2);
}
