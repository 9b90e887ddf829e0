#include "theory/formula/arithmetic.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/quantile.hpp"

namespace prefdyn::theory {

namespace {

using B = Arithmetic<Ball>;

Truth between(bool sure, bool possible) {
    return sure ? Truth::kYes : possible ? Truth::kMaybe : Truth::kNo;
}

Ball logarithm(const Ball& x) {
    if (!(x.high() > 0.0)) return x.high() == 0.0 && x.radius == 0.0 ? Ball(-kInfinity) : kNan;
    if (!(x.low() > 0.0)) return {std::log(std::max(x.value, kSmallestNumber)), kInfinity};
    return ball::monotone(x, x.low(), x.high(), [](double y) { return std::log(y); })
        .widened(4.0 * kUnitRoundoff);
}

/// |f'| <= 1 and |f| <= 1.
Ball wave(const Ball& x, double value) {
    return {value, std::min(2.0, x.radius + 4.0 * kUnitRoundoff)};
}

/// The tail's relative error grows with the square of its argument.
Ball normal(const Ball& x) {
    const Ball out = ball::monotone(x, x.low(), x.high(), normal_cdf);
    return out.widened(4.0 * kUnitRoundoff * (1.0 + x.value * x.value) * out.value);
}

/// Integers up to 64 in size, by squaring.
Ball whole_power(Ball base, int exponent) {
    const bool inverse = exponent < 0;
    Ball out = 1.0;
    for (unsigned e = static_cast<unsigned>(std::abs(exponent)); e > 0; e >>= 1) {
        if (e & 1U) out = out * base;
        if (e > 1) base = base * base;
    }
    return inverse ? Ball(1.0) / out : out;
}

}  // namespace

Truth B::less(const Ball& a, const Ball& b) {
    return between(a.high() < b.low(), a.low() < b.high());
}

Truth B::at_most(const Ball& a, const Ball& b) {
    return between(a.high() <= b.low(), a.low() <= b.high());
}

Truth B::equal(const Ball& a, const Ball& b) {
    const bool exact = a.radius == 0.0 && b.radius == 0.0;
    return between(exact && a.value == b.value,
                   std::fabs(a.value - b.value) <= a.radius + b.radius);
}

Ball B::apply(Function f, const Ball& x) {
    if (std::isnan(x.value)) return x;
    switch (f) {
        case Function::kExp:
            return exp(x);
        case Function::kLog:
            return logarithm(x);
        case Function::kSqrt:
            return x.high() < 0.0 ? Ball(kNan) : sqrt(x);
        case Function::kAbs:
            return abs(x);
        case Function::kSin:
            return wave(x, std::sin(x.value));
        case Function::kCos:
            return wave(x, std::cos(x.value));
        case Function::kPhi:
            return normal(x);
        case Function::kSigmoid:
            return ball::monotone(x, x.low(), x.high(), sigmoid<double>);
        case Function::kSoftplus:
            return ball::monotone(x, x.low(), x.high(), softplus<double>);
    }
    return kNan;
}

Ball B::power(const Ball& base, const Ball& exponent) {
    const double whole = std::round(exponent.value);
    if (exponent.radius == 0.0 && whole == exponent.value && std::fabs(whole) <= 64.0)
        return whole_power(base, static_cast<int>(whole));
    if (exponent.radius == 0.0 && exponent.value == 0.5) return apply(Function::kSqrt, base);
    if (is_zero(base) && exponent.low() > 0.0) return 0.0;
    return exp(exponent * logarithm(base));
}

Ball B::sum(const Ball* x, std::size_t n) {
    CompensatedSum total, size;
    double radius = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        total += x[i].value;
        size += std::fabs(x[i].value);
        radius += x[i].radius;
    }
    const double share = gamma_of(static_cast<double>(n));
    return Ball(total.value(), radius * (1.0 + share) + share * share * size.value())
        .widened(2.0 * kUnitRoundoff * std::fabs(total.value()));
}

namespace {

/// `pick` of the numbers themselves and of their ends, which it keeps in order.
template <class Pick>
Ball ordered(const Ball* x, std::size_t n, Pick pick) {
    const auto of = [&](auto end) {
        std::vector<double> all(n);
        std::transform(x, x + n, all.begin(), end);
        return pick(std::move(all));
    };
    if (std::any_of(x, x + n, [](const Ball& b) { return std::isnan(b.value); })) return kNan;
    const double value = of([](const Ball&b) { return b.value; }),
                 low = of([](const Ball&b) { return b.low(); }),
                 high = of([](const Ball&b) { return b.high(); });
    return ball::rounded(value, std::max(value - low, high - value));
}

}  // namespace

Ball B::quantile(const Ball* x, std::size_t n, double level) {
    const Ball out = ordered(x, n, [&](std::vector<double> all) {
        std::sort(all.begin(), all.end());
        return sorted_quantile(all.data(), n, level);
    });
    return out.widened(8.0 * kUnitRoundoff * (std::fabs(out.value) + out.radius));
}

Ball B::cover(const Ball* x, std::size_t n, double level) {
    const double wanted = std::ceil(level * static_cast<double>(n));
    const auto rank = static_cast<std::size_t>(std::max(1.0, wanted)) - 1;
    return ordered(x, n, [&](std::vector<double> all) {
        const auto at = all.begin() + static_cast<std::ptrdiff_t>(std::min(rank, n - 1));
        std::nth_element(all.begin(), at, all.end());
        return *at;
    });
}

Ball B::share(std::size_t sure, std::size_t possible, std::size_t n) {
    const double size = static_cast<double>(n);
    const double low = static_cast<double>(sure) / size,
                 high = static_cast<double>(possible) / size;
    if (sure == possible) return {low, sure == 0 || sure == n ? 0.0 : kUnitRoundoff * low};
    return {0.5 * (low + high), 0.5 * (high - low) + 2.0 * kUnitRoundoff};
}

}  // namespace prefdyn::theory
