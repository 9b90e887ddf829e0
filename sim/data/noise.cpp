#include "sim/data/noise.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/numerics.hpp"
#include "sim/data/noise_draw.hpp"

namespace prefdyn {

namespace {

/// s with Var = s^2 Gamma(3/a) / Gamma(1/a) = 1.
double generalized_normal_scale(double a) {
    return std::exp(0.5 * (std::lgamma(1.0 / a) - std::lgamma(3.0 / a)));
}

double student_scale(double nu) { return nu > 2.0 ? std::sqrt((nu - 2.0) / nu) : 1.0; }

/// Everything of a draw in one loop: its calls would take as long as it does.
template <Tails kTails>
[[gnu::flatten]] void fill(NoiseLaw law, Stream& stream, const ZigguratEdges& edges, double* x,
                           long n) {
    NoiseDraw<Stream> draw(stream, edges);
    for (long j = 0; j < n; ++j) x[j] = draw.next<kTails>(law);
}

}  // namespace

double variance(const NoiseSpec& noise) {
    const bool infinite = noise.tails == Tails::kStudentT && noise.degrees_of_freedom <= 2.0;
    return infinite ? kInfinity : 1.0;
}

double fourth_moment(const NoiseSpec& noise) {
    const double a = noise.tail_exponent, nu = noise.degrees_of_freedom;
    switch (noise.tails) {
        case Tails::kGaussian:
            return 3.0;
        case Tails::kGeneralizedNormal:
            return std::exp(std::lgamma(5.0 / a) + std::lgamma(1.0 / a) -
                            2.0 * std::lgamma(3.0 / a));
        case Tails::kUniform:
            return 9.0 / 5.0;
        case Tails::kStudentT:
            return nu > 4.0 ? 3.0 + 6.0 / (nu - 4.0) : kInfinity;
    }
    return kInfinity;
}

double third_moment(const NoiseSpec& noise) {
    const double a = noise.tail_exponent, nu = noise.degrees_of_freedom;
    switch (noise.tails) {
        case Tails::kGaussian:
            return 2.0 * std::sqrt(2.0 / kPi);
        case Tails::kGeneralizedNormal:
            return std::exp(std::lgamma(4.0 / a) + 0.5 * std::lgamma(1.0 / a) -
                            1.5 * std::lgamma(3.0 / a));
        case Tails::kUniform:
            return 0.75 * std::sqrt(3.0);
        case Tails::kStudentT:
            // s^3 nu^(3/2) Gamma(2) Gamma((nu - 3) / 2) / (sqrt(pi) Gamma(nu / 2))
            return nu > 3.0 ? std::exp(1.5 * std::log(nu - 2.0) + std::lgamma(0.5 * (nu - 3.0)) -
                                       std::lgamma(0.5 * nu)) /
                                  std::sqrt(kPi)
                            : kInfinity;
    }
    return kInfinity;
}

double bernstein_scale(const NoiseSpec& noise) {
    const bool none = noise.tails == Tails::kStudentT ||
                      (noise.tails == Tails::kGeneralizedNormal && noise.tail_exponent < 1.0);
    return none ? kInfinity : third_moment(noise) / 3.0;
}

double subexponential_exponent(const NoiseSpec& noise) {
    if (noise.tails == Tails::kStudentT) return 0.0;
    return noise.tails == Tails::kGeneralizedNormal ? std::min(noise.tail_exponent, 2.0) : 2.0;
}

NoiseLaw noise_law(const NoiseSpec& noise) {
    NoiseLaw law;
    if (noise.tails == Tails::kUniform) law.scale = std::sqrt(3.0);
    if (noise.tails == Tails::kGeneralizedNormal) {
        law.scale = generalized_normal_scale(noise.tail_exponent);
        law.shape = law.power = 1.0 / noise.tail_exponent;
    }
    if (noise.tails == Tails::kStudentT) {
        law.scale = student_scale(noise.degrees_of_freedom);
        law.shape = noise.degrees_of_freedom / 2.0;
        law.degrees_of_freedom = noise.degrees_of_freedom;
    }
    law.split = std::exp(1.0) / (law.shape + std::exp(1.0));
    return law;
}

bool draws_alike_everywhere(const NoiseSpec& noise) {
    const bool gamma = noise.tails == Tails::kGeneralizedNormal || noise.tails == Tails::kStudentT;
    return !gamma || noise_law(noise).shape == 1.0;
}

void fill_noise(const NoiseSpec& noise, Stream& stream, double* x, long n) {
    with_tails(noise.tails, [&](auto tails) {
        fill<tails.value>(noise_law(noise), stream, ziggurat_edges(), x, n);
    });
}

}  // namespace prefdyn
