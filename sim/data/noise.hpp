#pragma once
// Coordinate-wise noise families, standardised to mean 0 and variance 1 (where a variance exists).

#include <string>
#include <vector>

#include "sim/base/stream.hpp"

namespace prefdyn {

enum class Tails { kGaussian, kGeneralizedNormal, kUniform, kStudentT };

struct NoiseSpec {
    Tails tails = Tails::kGaussian;
    double tail_exponent = 1.0;  ///< alpha of the generalised normal, density ~ exp(-|x/s|^alpha)
    double degrees_of_freedom = 5.0;  ///< nu of Student's t
};

/// Names in the order of `Tails`; the registry tests loop over.
inline std::vector<std::string> tail_names() {
    return {"gaussian", "generalized-normal", "uniform", "student-t"};
}

/// E x^2: 1, or infinity for Student's t with nu <= 2 (which is then not rescaled).
double variance(const NoiseSpec& noise);

/// E x^4 of the standardised coordinate; infinity where it does not exist.
double fourth_moment(const NoiseSpec& noise);

/// E |x|^3 of the standardised coordinate; infinity where it does not exist.
double third_moment(const NoiseSpec& noise);

/// The least c with E |x|^m <= (m! / 2) c^(m - 2) for all m >= 2: E |x|^3 / 3 of these laws, whose
/// E |x|^m / m! is log-concave in m if alpha >= 1 (docs/theory.md, T5b). Infinity if there is none.
double bernstein_scale(const NoiseSpec& noise);

/// Largest alpha (at most 2) such that the coordinate is alpha-subexponential; 0 if there is none.
double subexponential_exponent(const NoiseSpec& noise);

/// Fills x[0..n) with independent draws.
void fill_noise(const NoiseSpec& noise, Stream& stream, double* x, long n);

}  // namespace prefdyn
