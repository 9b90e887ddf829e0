// Every noise family against its exact moments and tail probabilities (Boost.Math), within
// kSigmas standard errors of 400000 draws.
#include "sim/data/noise.hpp"

#include <doctest/doctest.h>

#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/gamma.hpp>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::kSigmas;

namespace {

constexpr long kDraws = 400000;

/// Several members of a family, so that every parameter range of the moments is visited.
std::vector<NoiseSpec> members(Tails tails) {
    std::vector<NoiseSpec> out;
    if (tails == Tails::kGeneralizedNormal)
        for (const double a : {0.5, 1.0, 1.5, 2.0, 4.0}) out.push_back({tails, a, 5.0});
    else if (tails == Tails::kStudentT)
        for (const double nu : {1.5, 3.0, 5.0, 12.0}) out.push_back({tails, 1.0, nu});
    else
        out.push_back({tails, 1.0, 5.0});
    return out;
}

std::vector<NoiseSpec> all_members() {
    std::vector<NoiseSpec> out;
    for (std::size_t k = 0; k < tail_names().size(); ++k)
        for (const NoiseSpec& spec : members(static_cast<Tails>(k))) out.push_back(spec);
    return out;
}

/// E x^8 of the standardised coordinate, written from the densities; infinity if there is none.
double eighth_moment(const NoiseSpec& spec) {
    const double a = spec.tail_exponent, nu = spec.degrees_of_freedom;
    using boost::math::tgamma;
    switch (spec.tails) {
        case Tails::kGaussian:
            return 105.0;
        case Tails::kGeneralizedNormal:
            return tgamma(9.0 / a) * std::pow(tgamma(1.0 / a), 3) / std::pow(tgamma(3.0 / a), 4);
        case Tails::kUniform:
            return 9.0;
        case Tails::kStudentT:
            if (nu <= 8.0) return kInfinity;
            return 105.0 * std::pow(nu - 2.0, 3) / ((nu - 4.0) * (nu - 6.0) * (nu - 8.0));
    }
    return kInfinity;
}

/// P(|x| > edge).
double tail_probability(const NoiseSpec& spec, double edge) {
    const double a = spec.tail_exponent, nu = spec.degrees_of_freedom;
    switch (spec.tails) {
        case Tails::kGaussian:
            return 2.0 * cdf(complement(boost::math::normal(), edge));
        case Tails::kGeneralizedNormal: {
            const double s = std::sqrt(boost::math::tgamma(1.0 / a) / boost::math::tgamma(3.0 / a));
            return boost::math::gamma_q(1.0 / a, std::pow(edge / s, a));
        }
        case Tails::kUniform:
            return std::max(0.0, 1.0 - edge / std::sqrt(3.0));
        case Tails::kStudentT: {
            const double scale = nu > 2.0 ? std::sqrt((nu - 2.0) / nu) : 1.0;
            return 2.0 * cdf(complement(boost::math::students_t(nu), edge / scale));
        }
    }
    return kNan;
}

Vector draws(const NoiseSpec& spec, std::uint64_t index) {
    Vector x = Vector::Constant(kDraws, kNan);
    Stream stream(test::seed(), Purpose::kFeatures, index);
    fill_noise(spec, stream, x.data(), kDraws);
    return x;
}

/// Standard errors between the sample mean of x and `mean`, `variance` the exact one of x.
double sigmas(const Eigen::ArrayXd& x, double mean, double variance) {
    return std::fabs(x.mean() - mean) / std::sqrt(variance / static_cast<double>(x.size()));
}

}  // namespace

TEST_CASE("there is a tail family for every name") {
    CHECK(tail_names().size() == static_cast<std::size_t>(Tails::kStudentT) + 1);
}

TEST_CASE("mean, variance and fourth moment are exact wherever they exist") {
    std::uint64_t index = 1000;
    for (const NoiseSpec& spec : all_members()) {
        CAPTURE(tail_names()[static_cast<std::size_t>(spec.tails)]);
        CAPTURE(spec.tail_exponent);
        CAPTURE(spec.degrees_of_freedom);
        const Eigen::ArrayXd x = draws(spec, index++).array();
        const double m4 = fourth_moment(spec), m8 = eighth_moment(spec);
        REQUIRE(x.isFinite().all());
        if (std::isfinite(variance(spec))) CHECK(sigmas(x, 0.0, variance(spec)) <= kSigmas);
        if (std::isfinite(m4)) CHECK(sigmas(x.square(), variance(spec), m4 - 1.0) <= kSigmas);
        if (std::isfinite(m8)) CHECK(sigmas(x.pow(4), m4, m8 - m4 * m4) <= kSigmas);
    }
}

TEST_CASE("tail probabilities are those of the exact law, each sign half of them") {
    std::uint64_t index = 2000;
    for (const NoiseSpec& spec : all_members()) {
        CAPTURE(tail_names()[static_cast<std::size_t>(spec.tails)]);
        CAPTURE(spec.tail_exponent);
        CAPTURE(spec.degrees_of_freedom);
        const Eigen::ArrayXd x = draws(spec, index++).array();
        CHECK(sigmas((x > 0.0).cast<double>(), 0.5, 0.25) <= kSigmas);
        for (const double edge : {0.5, 1.0, 2.0, 3.0}) {
            CAPTURE(edge);
            const double p = tail_probability(spec, edge);
            const Eigen::ArrayXd outside = (x.abs() > edge).cast<double>();
            if (p == 0.0)
                CHECK(outside.sum() == 0.0);
            else
                CHECK(sigmas(outside, p, p * (1.0 - p)) <= kSigmas);
        }
    }
}

TEST_CASE("moments that do not exist are infinite") {
    CHECK(variance({Tails::kStudentT, 1.0, 2.0}) == kInfinity);
    CHECK(variance({Tails::kStudentT, 1.0, 2.1}) == 1.0);
    CHECK(fourth_moment({Tails::kStudentT, 1.0, 4.0}) == kInfinity);
    CHECK(test::relative_error(fourth_moment({Tails::kStudentT, 1.0, 5.0}), 9.0) <= 1e-15);
}

TEST_CASE("fourth moments in closed form") {
    CHECK(fourth_moment({Tails::kGaussian, 1.0, 5.0}) == 3.0);
    CHECK(fourth_moment({Tails::kUniform, 1.0, 5.0}) == 1.8);
    // Laplace: 4! 0! / 2!^2 = 6; alpha = 2 is the Gaussian.
    CHECK(test::relative_error(fourth_moment({Tails::kGeneralizedNormal, 1.0, 5.0}), 6.0) <= 1e-14);
    CHECK(test::relative_error(fourth_moment({Tails::kGeneralizedNormal, 2.0, 5.0}), 3.0) <= 1e-14);
}

TEST_CASE("subexponential exponents: at most 2, none for Student's t") {
    CHECK(subexponential_exponent({Tails::kGaussian, 1.0, 5.0}) == 2.0);
    CHECK(subexponential_exponent({Tails::kUniform, 1.0, 5.0}) == 2.0);
    CHECK(subexponential_exponent({Tails::kGeneralizedNormal, 0.5, 5.0}) == 0.5);
    CHECK(subexponential_exponent({Tails::kGeneralizedNormal, 4.0, 5.0}) == 2.0);
    CHECK(subexponential_exponent({Tails::kStudentT, 1.0, 100.0}) == 0.0);
}

TEST_CASE("third moments in closed form, and the least constant of Bernstein's condition") {
    const NoiseSpec laplace{Tails::kGeneralizedNormal, 1.0, 5.0};
    CHECK(test::relative_error(third_moment({}), 2.0 * std::sqrt(2.0 / kPi)) <= 1e-15);
    CHECK(test::relative_error(third_moment({Tails::kGeneralizedNormal, 2.0, 5.0}),
                               third_moment({})) <= 1e-14);
    CHECK(test::relative_error(third_moment(laplace), 6.0 / std::sqrt(8.0)) <= 1e-14);
    // nu = 5, by quadrature.
    double sum = 0.0;
    for (int k = 0; k < 2000000; ++k) {
        const double t = (k + 0.5) * 1e-3;
        sum += 2e-3 * t * t * t * std::pow(1.0 + t * t / 5.0, -3.0);
    }
    const double density = std::tgamma(3.0) / (std::sqrt(5.0 * kPi) * std::tgamma(2.5));
    CHECK(test::relative_error(third_moment({Tails::kStudentT, 1.0, 5.0}),
                               sum * density * std::pow(0.6, 1.5)) <= 1e-5);
    CHECK(third_moment({Tails::kStudentT, 1.0, 3.0}) == kInfinity);
    CHECK(test::relative_error(bernstein_scale(laplace), std::sqrt(0.5)) <= 1e-14);
    for (const double alpha : {1.0, 1.1, 1.5, 2.0, 3.0, 50.0}) {
        const NoiseSpec noise{Tails::kGeneralizedNormal, alpha, 5.0};
        const double c = bernstein_scale(noise);
        const double s = 0.5 * (std::lgamma(1.0 / alpha) - std::lgamma(3.0 / alpha));
        double attained = 0.0;
        for (int m = 2; m <= 400; ++m) {
            const double log_moment =
                m * s + std::lgamma((m + 1.0) / alpha) - std::lgamma(1.0 / alpha);
            const double log_allowed =
                std::lgamma(m + 1.0) - std::log(2.0) + (m - 2.0) * std::log(c);
            CHECK(log_moment <= log_allowed + 1e-10 * m);
            attained = std::max(attained, m == 2 ? 0.0 : std::exp(log_moment - log_allowed));
        }
        CHECK(attained == doctest::Approx(1.0));  // no smaller one would do
    }
    CHECK(bernstein_scale({Tails::kGeneralizedNormal, 0.99, 5.0}) == kInfinity);
    CHECK(bernstein_scale({Tails::kStudentT, 1.0, 100.0}) == kInfinity);
}
