// Dataset statistics against plain loops, power iteration and singular values.
#include "theory/statistics.hpp"

#include <doctest/doctest.h>

#include <Eigen/SVD>

#include "tests/support/support.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;
using test::relative_error;

namespace {

/// Means, zbar and covariance traces, one scalar at a time.
struct Plain {
    std::vector<double> plus, minus, zbar;
    double n_plus = 0.0, n_minus = 0.0, trace_plus = 0.0, trace_minus = 0.0;
};

Plain plain_statistics(const Dataset& data) {
    const auto d = static_cast<std::size_t>(data.dimension());
    Plain out{std::vector<double>(d), std::vector<double>(d), std::vector<double>(d)};
    const auto s = [&](Index i) { return data.label[static_cast<std::size_t>(i)]; };
    for (Index i = 0; i < data.samples(); ++i) ++(s(i) > 0 ? out.n_plus : out.n_minus);
    for (std::size_t j = 0; j < d; ++j)
        for (Index i = 0; i < data.samples(); ++i) {
            const double g = data.features(i, Index(j));
            (s(i) > 0 ? out.plus : out.minus)[j] += g / (s(i) > 0 ? out.n_plus : out.n_minus);
            out.zbar[j] += s(i) * g / double(data.samples());
        }
    for (std::size_t j = 0; j < d; ++j)
        for (Index i = 0; i < data.samples(); ++i) {
            const double x = data.features(i, Index(j)) - (s(i) > 0 ? out.plus : out.minus)[j];
            if (s(i) > 0) out.trace_plus += x * x / (out.n_plus - 1.0);
            if (s(i) < 0) out.trace_minus += x * x / (out.n_minus - 1.0);
        }
    return out;
}

Vector as_vector(const std::vector<double>& x) {
    return Eigen::Map<const Vector>(x.data(), Index(x.size()));
}

/// Rayleigh quotient of X^T X / divisor after power iteration.
double power_iteration(const RowMatrix& x, double divisor) {
    Vector u = Vector::Ones(x.cols()).normalized();
    for (int k = 0; k < 20000; ++k) u = (x.transpose() * (x * u)).normalized();
    return (x * u).squaredNorm() / divisor;
}

RowMatrix centred_class(const Dataset& data, int sign, const Vector& mean) {
    RowMatrix rows(data.count(sign), data.dimension());
    Index next = 0;
    for (Index i = 0; i < data.samples(); ++i)
        if (data.label[static_cast<std::size_t>(i)] == sign)
            rows.row(next++) = data.features.row(i) - mean.transpose();
    return rows;
}

}  // namespace

TEST_CASE("means, zbar, D, traces and norms agree with plain loops, n < d and n > d") {
    for (const Index n : {7, 31, 33, 200})
        for (const Index d : {1, 5, 31, 33}) {
            CAPTURE(n);
            CAPTURE(d);
            Dataset data = test::gaussian_dataset(n, d, 700);
            data.features.array() += 0.7;
            const DatasetStatistics got = dataset_statistics(data);
            const Plain want = plain_statistics(data);
            CHECK(got.n == n);
            CHECK(double(got.n_plus) == want.n_plus);
            CHECK(double(got.n_minus) == want.n_minus);
            CHECK(relative_error(got.p_plus, want.n_plus / double(n)) <= 1e-15);
            CHECK(relative_error(got.mean_plus, as_vector(want.plus)) <= 1e-13);
            CHECK(relative_error(got.mean_minus, as_vector(want.minus)) <= 1e-13);
            CHECK(relative_error(got.zbar, as_vector(want.zbar)) <= 1e-12);
            CHECK(relative_error(got.zbar_norm, as_vector(want.zbar).norm()) <= 1e-12);
            CHECK(relative_error(got.distinguishability,
                                 (as_vector(want.plus) - as_vector(want.minus)).norm()) <= 1e-12);
            CHECK(relative_error(got.trace_plus, want.trace_plus) <= 1e-12);
            CHECK(relative_error(got.trace_minus, want.trace_minus) <= 1e-12);
            const RowMatrix centred = centred_class(data, 1, got.mean_plus);
            CHECK(relative_error(got.norm_plus, power_iteration(centred, want.n_plus - 1.0)) <=
                  1e-10);
            CHECK(relative_error(got.lambda_max, power_iteration(data.features, double(n))) <=
                  1e-12);
            CHECK(relative_error(got.mean_square, data.features.squaredNorm() / double(n)) <=
                  1e-13);
            CHECK(got.trace() == std::max(got.trace_plus, got.trace_minus));
            CHECK(got.concentration() == std::max(got.norm_plus, got.norm_minus));
        }
}

TEST_CASE("gram_norm is the squared singular value, whichever Gram matrix is smaller") {
    for (const Index n : {1, 5, 31})
        for (const Index d : {1, 5, 33}) {
            const RowMatrix x = test::gaussian(n, d, 710);
            const Eigen::JacobiSVD<Matrix> svd{Matrix(x)};
            const double largest = svd.singularValues()(0);
            CHECK(relative_error(gram_norm(x, 2.5), largest * largest / 2.5) <= 1e-13);
            CHECK(relative_error(gram_norm(x.transpose(), 2.5), gram_norm(x, 2.5)) <= 1e-13);
        }
}

TEST_CASE("noise floor and debiased D in closed form") {
    DatasetStatistics s;
    s.n_plus = 4;
    s.n_minus = 2;
    s.trace_plus = 8.0;
    s.trace_minus = 6.0;
    s.distinguishability = 3.0;
    CHECK(s.noise_floor_squared() == 5.0);
    CHECK(s.distinguishability_debiased() == 2.0);
    s.distinguishability = 1.0;
    CHECK(s.distinguishability_debiased() == 0.0);
    s.trace_minus = kNan;
    CHECK(std::isnan(s.distinguishability_debiased()));
}

TEST_CASE("a class of one sample has no covariance: NaN, not a number") {
    const DatasetStatistics s = dataset_statistics(test::gaussian_dataset(3, 2, 720));
    CHECK(s.n_minus == 1);
    CHECK(std::isnan(s.trace_minus));
    CHECK(std::isnan(s.norm_minus));
    CHECK(std::isnan(s.noise_floor_squared()));
    CHECK(std::isfinite(s.trace_plus));
    CHECK(std::isfinite(s.lambda_max));
}

TEST_CASE("debiased D^2 is unbiased: mean over replicates within 6 standard errors") {
    const Index n = 20, d = 10;
    const int replicates = 4000;
    double sum = 0.0, squares = 0.0;
    for (int r = 0; r < replicates; ++r) {
        Dataset data = test::gaussian_dataset(n, d, 100000 + std::uint64_t(r));
        for (Index i = 0; i < n; ++i)
            data.features(i, 0) += 0.5 * data.label[static_cast<std::size_t>(i)];  // D = 1
        const DatasetStatistics s = dataset_statistics(data);
        const double x = s.distinguishability * s.distinguishability - s.noise_floor_squared();
        sum += x;
        squares += x * x;
    }
    const double mean = sum / replicates, spread = squares / replicates - mean * mean;
    CHECK(std::fabs(mean - 1.0) <= test::kSigmas * std::sqrt(spread / replicates));
}

TEST_CASE("cosines with zbar and projections on it, by plain loops") {
    Dataset data = test::gaussian_dataset(31, 5, 77);
    data.features.row(3).setZero();
    const Plain plain = plain_statistics(data);
    const DatasetStatistics s = dataset_statistics(data);
    REQUIRE(s.cosine.size() == 31);
    for (Index i = 0; i < 31; ++i) {
        double dot = 0.0, length = 0.0, mean = 0.0;
        for (std::size_t j = 0; j < 5; ++j) {
            const double z = data.label[static_cast<std::size_t>(i)] * data.features(i, Index(j));
            dot += z * plain.zbar[j];
            length += z * z;
            mean += plain.zbar[j] * plain.zbar[j];
        }
        CHECK(std::fabs(s.projection(i) - dot / std::sqrt(mean)) <= 1e-13);
        const double want = length > 0.0 ? dot / std::sqrt(mean * length) : 0.0;
        CHECK(std::fabs(s.cosine(i) - want) <= 1e-13);
    }
}
