// Balls hold what fifty digits say.
#include "sim/base/ball.hpp"

#include <doctest/doctest.h>

#include <boost/multiprecision/cpp_bin_float.hpp>

#include "sim/base/stream.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

using Exact = boost::multiprecision::cpp_bin_float_50;

/// A number with all its digits, and the ball that was computed in its place.
struct Pair {
    Exact exact;
    Ball ball;
};

bool holds(const Pair& p) { return abs(Exact(p.ball.value) - p.exact) <= Exact(p.ball.radius); }

class Draw {
  public:
    explicit Draw(std::uint64_t index) : stream_(test::seed(), Purpose::kSearch, index) {}
    double unit() { return std::ldexp(static_cast<double>(stream_() >> 11), -53); }
    std::size_t below(std::size_t n) {
        return static_cast<std::size_t>(unit() * static_cast<double>(n));
    }
    /// A number of any size between 2^-range and 2^range; one in three with an error of its own.
    Pair number(double range) {
        const double x = std::exp2(range * (2.0 * unit() - 1.0)) * (unit() < 0.5 ? -1.0 : 1.0);
        if (unit() < 0.67) return {x, x};
        const double radius = std::fabs(x) * std::exp2(-40.0 * unit() - 4.0);
        return {Exact(x) + Exact(radius) * Exact(2.0 * unit() - 1.0), {x, radius}};
    }

  private:
    Stream stream_;
};

Pair step(std::size_t kind, const Pair& a, const Pair& b) {
    switch (kind) {
        case 0:
            return {a.exact + b.exact, a.ball + b.ball};
        case 1:
            return {a.exact - b.exact, a.ball - b.ball};
        case 2:
            return {a.exact * b.exact, a.ball * b.ball};
        case 3:
            return {a.exact / b.exact, a.ball / b.ball};
        case 4:
            return {sqrt(abs(a.exact)), sqrt(abs(a.ball))};
        case 5:
            return {exp(-abs(a.exact)), exp(-abs(a.ball))};
        case 6:
            return {expm1(-abs(a.exact)), expm1(-abs(a.ball))};
        case 7:
            return {log1p(abs(a.exact)), log1p(abs(a.ball))};
        case 8:
            return {a.exact < b.exact ? a.exact : b.exact, min(a.ball, b.ball)};
        default:
            return {a.exact < b.exact ? b.exact : a.exact, max(a.ball, b.ball)};
    }
}

}  // namespace

TEST_CASE("chains of operations stay within their radius") {
    for (std::uint64_t trial = 0; trial < 4000; ++trial) {
        Draw draw(trial);
        const double range = trial % 2 == 0 ? 4.0 : 100.0;
        std::vector<Pair> known = {draw.number(range), draw.number(range), draw.number(range)};
        for (int k = 0; k < 8; ++k) {
            const Pair next = step(draw.below(10), known[draw.below(known.size())],
                                   known[draw.below(known.size())]);
            if (!std::isfinite(next.ball.radius) || !std::isfinite(next.ball.value)) break;
            CHECK_MESSAGE(holds(next), "trial " << trial << ", operation " << k << ": "
                                                << next.ball.value << " +- " << next.ball.radius
                                                << " for " << next.exact);
            known.push_back(next);
        }
    }
}

TEST_CASE("radii are not much larger than they must be") {
    const Ball third = Ball(1.0) / Ball(3.0);
    CHECK(third.radius <= 2.0 * kUnitRoundoff * third.value);
    Ball sum = 0.0;
    for (int k = 0; k < 1000; ++k) sum = sum + Ball(0.1);
    CHECK(sum.radius <= 1000.0 * kUnitRoundoff * 100.0);
    CHECK(gamma_of(10.0) <= 10.01 * kUnitRoundoff);
    CHECK(gamma_of(1e17) == kInfinity);
}

TEST_CASE("what leaves the range is not taken for exact") {
    CHECK((Ball(1e-200) * Ball(1e-200)).radius > 0.0);
    CHECK((Ball(1e-320) / Ball(3e100)).radius > 0.0);
    CHECK((Ball(1.0) / Ball(0.5, 0.5)).radius == kInfinity);
    CHECK((Ball(0.0) * Ball(5.0)).radius == 0.0);
    CHECK((Ball(1e300, 1e299) * Ball(1e300)).radius == kInfinity);
    CHECK(sqrt(Ball(0.0, 1e-16)).high() >= 1e-8);
}
