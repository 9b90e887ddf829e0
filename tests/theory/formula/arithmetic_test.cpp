#include "theory/formula/arithmetic.hpp"

#include <doctest/doctest.h>

#include <boost/math/special_functions/erf.hpp>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <boost/random/uniform_real_distribution.hpp>

#include "tests/support/support.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;
using Wide = boost::multiprecision::cpp_bin_float_50;
using A = Arithmetic<Ball>;

namespace {

Wide exact(Function f, const Wide& x) {
    switch (f) {
        case Function::kExp:
            return exp(x);
        case Function::kLog:
            return log(x);
        case Function::kSqrt:
            return sqrt(x);
        case Function::kAbs:
            return abs(x);
        case Function::kSin:
            return sin(x);
        case Function::kCos:
            return cos(x);
        case Function::kPhi:
            return erfc(-x / sqrt(Wide(2))) / 2;
        case Function::kSigmoid:
            return 1 / (1 + exp(-x));
        case Function::kSoftplus:
            return log1p(exp(x));
    }
    return x;
}

bool holds(const Ball& ball, const Wide& number) {
    return abs(Wide(ball.value) - number) <= Wide(ball.radius);
}

}  // namespace

TEST_CASE("functions of balls hold what they should, and not much more") {
    Stream stream(test::seed(), Purpose::kSuite, 9102);
    boost::random::uniform_real_distribution<double> draw(-8.0, 8.0), unit(-1.0, 1.0);
    for (const Function f :
         {Function::kExp, Function::kLog, Function::kSqrt, Function::kAbs, Function::kSin,
          Function::kCos, Function::kPhi, Function::kSigmoid, Function::kSoftplus})
        for (int trial = 0; trial < 2000; ++trial) {
            const bool positive = f == Function::kLog || f == Function::kSqrt;
            const double x = positive ? std::exp(draw(stream)) : draw(stream);
            const double radius = trial % 2 == 0 ? 0.0 : 1e-9 * std::fabs(x);
            const Wide at = Wide(x) + Wide(radius) * Wide(unit(stream));
            const Ball out = A::apply(f, {x, radius});
            REQUIRE(holds(out, exact(f, at)));
            REQUIRE(out.radius <= 1e-6 * (1.0 + std::fabs(out.value)));
        }
}

TEST_CASE("powers, sums, quantiles and shares") {
    Stream stream(test::seed(), Purpose::kSuite, 9103);
    boost::random::uniform_real_distribution<double> draw(-3.0, 3.0);
    for (int trial = 0; trial < 500; ++trial) {
        const double x = draw(stream), y = std::fabs(x) + 0.1, p = draw(stream);
        for (const double whole : {-3.0, 0.0, 1.0, 2.0, 7.0})
            CHECK(holds(A::power(x, whole), pow(Wide(x), Wide(whole))));
        CHECK(holds(A::power(y, p), pow(Wide(y), Wide(p))));
        CHECK(holds(A::power(y, 0.5), sqrt(Wide(y))));
        std::vector<Ball> many;
        Wide sum = 0;
        for (int k = 0; k < 37; ++k) {
            const double term = draw(stream) * std::pow(10.0, k % 7);
            many.push_back({term, 1e-12});
            sum += Wide(term);
        }
        CHECK(holds(A::sum(many.data(), many.size()), sum));
        CHECK(A::sum(many.data(), many.size()).radius < 1e-8);
    }
    const std::vector<Ball> four = {{4.0, 0.5}, {1.0, 0.0}, {3.0, 0.1}, {2.0, 0.0}};
    const Ball middle = A::quantile(four.data(), 4, 0.5);
    CHECK(middle.value == doctest::Approx(2.5));
    CHECK(middle.low() <= 2.45);
    CHECK(middle.high() >= 2.55);
    CHECK(A::cover(four.data(), 4, 0.5).value == 2.0);
    CHECK(A::cover(four.data(), 4, 0.51).value == 3.0);
    CHECK(A::cover(four.data(), 4, 0.51).radius >= 0.1);
    CHECK(A::cover(four.data(), 4, 1.0).high() >= 4.5);
    CHECK(A::cover(four.data(), 4, 0.0).value == 1.0);
    CHECK(A::share(3, 3, 3).value == 1.0);
    CHECK(A::share(3, 3, 3).radius == 0.0);
    CHECK(A::share(1, 3, 4).low() <= 0.25);
    CHECK(A::share(1, 3, 4).high() >= 0.75);
}

TEST_CASE("outside of their range functions are not numbers") {
    CHECK(std::isnan(A::apply(Function::kSqrt, {-1.0, 0.1}).value));
    CHECK(std::isnan(A::apply(Function::kLog, {-1.0, 0.1}).value));
    CHECK(A::apply(Function::kLog, 0.0).value == -kInfinity);
    CHECK(A::apply(Function::kLog, {1e-3, 1e-2}).radius == kInfinity);
}

TEST_CASE("comparisons are sure, possible or neither") {
    CHECK(A::less({1.0, 0.1}, {2.0, 0.1}) == Truth::kYes);
    CHECK(A::less({1.0, 0.6}, {2.0, 0.6}) == Truth::kMaybe);
    CHECK(A::less({2.0, 0.1}, {1.0, 0.1}) == Truth::kNo);
    CHECK(A::less(1.0, 1.0) == Truth::kNo);
    CHECK(A::at_most(1.0, 1.0) == Truth::kYes);
    CHECK(A::equal(1.0, 1.0) == Truth::kYes);
    CHECK(A::equal({1.0, 0.1}, 1.05) == Truth::kMaybe);
    CHECK(A::equal({1.0, 0.01}, 1.05) == Truth::kNo);
    CHECK(A::less(kNan, 1.0) == Truth::kNo);
}
