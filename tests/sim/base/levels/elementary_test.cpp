// exp, log and log(1 + x) against MPFR, and every level against one number at a time.
#include "sim/base/levels/elementary.hpp"

#include <doctest/doctest.h>
#include <mpfr.h>

#include <random>

#include "sim/base/levels/arrays.hpp"
#include "tests/support/levels.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

constexpr int kPrecision = 200;

/// |got - want| in units of the last place of want rounded to double.
double ulps(double got, const mpfr_t want) {
    const double rounded = mpfr_get_d(want, MPFR_RNDN);
    if (std::isnan(rounded)) return std::isnan(got) ? 0.0 : kInfinity;
    if (std::isinf(rounded)) return got == rounded ? 0.0 : kInfinity;
    int exponent;
    std::frexp(rounded, &exponent);
    mpfr_t off;
    mpfr_init2(off, kPrecision);
    mpfr_sub_d(off, want, got, MPFR_RNDN);
    const double out =
        std::fabs(mpfr_get_d(off, MPFR_RNDN)) / std::ldexp(1.0, std::max(exponent - 53, -1074));
    mpfr_clear(off);
    return out;
}

/// The largest error of f at the arguments; NaN counts as infinite.
template <class F, class Exact>
double worst(const std::vector<double>& arguments, F f, Exact exact) {
    mpfr_t x, y;
    mpfr_inits2(kPrecision, x, y, static_cast<mpfr_ptr>(nullptr));
    double out = 0.0;
    for (const double argument : arguments) {
        mpfr_set_d(x, argument, MPFR_RNDN);
        exact(y, x, MPFR_RNDN);
        if (const double off = ulps(f(argument), y); !(off <= out)) out = off;
    }
    mpfr_clears(x, y, static_cast<mpfr_ptr>(nullptr));
    return out;
}

const std::vector<double> kEdges = {0.0,
                                    -0.0,
                                    1.0,
                                    -1.0,
                                    -2.0,
                                    kInfinity,
                                    -kInfinity,
                                    kNan,
                                    709.782712893384,
                                    709.78271289338409,
                                    -745.1332191019411,
                                    -745.13321910194122,
                                    5e-324,
                                    2.2250738585072014e-308,
                                    1.7976931348623157e308};

/// Over the whole range, near 0 and 1, and the edges.
std::vector<double> arguments(std::size_t count) {
    std::mt19937_64 words(test::seed());
    const auto uniform = [&](double a, double b) {
        return std::uniform_real_distribution<double>(a, b)(words);
    };
    std::vector<double> out = kEdges;
    for (int k = 0; out.size() < count; ++k) {
        out.push_back(uniform(-750.0, 712.0));
        out.push_back(uniform(-2.0, 3.0));
        out.push_back(std::ldexp(uniform(-1.0, 1.0), -(k % 70)));
        out.push_back(1.0 + std::ldexp(uniform(-1.0, 1.0), -(k % 52)));
        out.push_back(std::ldexp(uniform(1.0, 2.0), static_cast<int>(uniform(-1074.0, 1024.0))));
    }
    return out;
}

}  // namespace

TEST_CASE("exp, log and log1p are exact to 1 ulp") {
    const auto x = arguments(200000);
    CHECK(worst(
              x, [](double v) { return elementary::exp_of(v); }, mpfr_exp) <= 1.0);
    CHECK(worst(
              x, [](double v) { return elementary::log_of(v); }, mpfr_log) <= 1.0);
    CHECK(worst(
              x, [](double v) { return elementary::log1p_of(v); }, mpfr_log1p) <= 1.0);
}

TEST_CASE("every level has the bits of one number at a time") {
    const auto x = arguments(test::kSanitized ? 100000 : 10000000);
    const auto n = static_cast<std::ptrdiff_t>(x.size());
    std::vector<double> want(x.size()), got(x.size());
    const auto check = [&](auto member, auto one) {
        for (std::size_t i = 0; i < x.size(); ++i) want[i] = one(x[i]);
        for (const Level at : runnable_levels()) {
            CAPTURE(level_names()[static_cast<std::size_t>(at)]);
            const test::AtLevel scope(at);
            got.assign(x.size(), 12345.0);
            (array_functions().*member)(x.data(), n, got.data());
            CHECK(test::same_numbers(got, want));
        }
    };
    check(&ArrayFunctions::exp, [](double v) { return elementary::exp_of(v); });
    check(&ArrayFunctions::log, [](double v) { return elementary::log_of(v); });
    check(&ArrayFunctions::log1p, [](double v) { return elementary::log1p_of(v); });
    check(&ArrayFunctions::softplus, [](double v) { return softplus(v); });
    check(&ArrayFunctions::sigmoid, [](double v) { return sigmoid(v); });
}

TEST_CASE("what does not fill a vector is neither lost nor written beyond") {
    for (const Level at : runnable_levels()) {
        const test::AtLevel scope(at);
        for (std::ptrdiff_t n = 0; n <= 17; ++n) {
            std::vector<double> x(20, 0.5), out(20, -7.0);
            array_functions().exp(x.data(), n, out.data());
            for (std::ptrdiff_t i = 0; i < 20; ++i)
                CHECK(out[static_cast<std::size_t>(i)] == (i < n ? elementary::exp_of(0.5) : -7.0));
        }
    }
}
