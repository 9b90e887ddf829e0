#include "sim/data/von_mises_fisher.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

namespace prefdyn::test {

TEST_CASE("mean lengths: closed forms and values of an independent program") {
    for (const double gamma : {0.1, 1.0, 10.0, 500.0})
        CHECK(std::fabs(mean_length(3, gamma) - (1.0 / std::tanh(gamma) - 1.0 / gamma)) <= 1e-14);
    CHECK(std::fabs(mean_length(2, 1.0) - 0.44638997) <= 1e-8);  // I_1(1) / I_0(1)
    CHECK(std::fabs(mean_length(4, 2.0) - 0.433127) <= 1e-6);    // I_2(2) / I_1(2)
    CHECK(std::fabs(mean_length(5000, 200.0) - 0.03993622933) <= 1e-10);
    // A' = 1 - A^2 - (d - 1) A / gamma is the variance along the mean.
    for (const Index d : {3, 7, 100}) {
        const double h = 1e-4, gamma = 12.0;
        const double slope = (mean_length(d, gamma + h) - mean_length(d, gamma - h)) / (2.0 * h);
        CHECK(std::fabs(variance_von_mises_fisher(d, gamma).along - slope) <= 1e-8);
    }
}

TEST_CASE("samples are unit vectors with the exact moments") {
    for (const auto& [d, gamma] :
         {std::pair<Index, double>{3, 0.5}, {3, 50.0}, {2, 4.0}, {33, 20.0}}) {
        CAPTURE(d);
        Vector mean = Vector::LinSpaced(d, 1.0, 2.0);
        mean /= mean.norm();
        const Index n = 40000;
        const RowMatrix x = sample_von_mises_fisher(mean, gamma, n, seed());
        CHECK((x.rowwise().norm().array() - 1.0).abs().maxCoeff() <= 1e-12);
        const Vector along = x * mean;
        const double root = kSigmas / std::sqrt(static_cast<double>(n));
        const auto variance = variance_von_mises_fisher(d, gamma);
        CHECK(std::fabs(along.mean() - mean_length(d, gamma)) <= root * std::sqrt(variance.along));
        const Vector off = along.array() - mean_length(d, gamma);
        const double second = off.squaredNorm() / static_cast<double>(n);
        const double fourth = off.array().pow(4).mean();
        CHECK(std::fabs(second - variance.along) <=
              root * std::sqrt(fourth - variance.along * variance.along));
        // Across the mean: an axis orthogonal to it.
        Vector axis = Vector::Zero(d);
        axis(0) = mean(1);
        axis(1) = -mean(0);
        axis /= axis.norm();
        const Vector across = x * axis;
        CHECK(std::fabs(across.mean()) <= root * std::sqrt(variance.across));
        const double square = across.squaredNorm() / static_cast<double>(n);
        CHECK(std::fabs(square - variance.across) <=
              root * std::sqrt(across.array().pow(4).mean() - square * square));
    }
    const Vector mean = Eigen::Vector3d(0.0, 0.0, 1.0);
    CHECK(sample_von_mises_fisher(mean, 2.0, 5, 1).bottomRows(3) ==
          sample_von_mises_fisher(mean, 2.0, 3, 1, 2));
}

TEST_CASE("von Mises-Fisher refuses what is none") {
    CHECK_THROWS_AS(mean_length(1, 1.0), InputError);
    CHECK_THROWS_AS(mean_length(3, 0.0), InputError);
    CHECK_THROWS_AS(sample_von_mises_fisher(Vector::Ones(3) / std::sqrt(3.0), kNan, 1, 1),
                    InputError);
}

}  // namespace prefdyn::test
