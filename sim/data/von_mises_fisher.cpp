#include "sim/data/von_mises_fisher.hpp"

#include <cmath>
#include <string>

#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"
#include "sim/data/noise.hpp"

namespace prefdyn {

namespace {

double uniform(Stream& stream) { return (static_cast<double>(stream() >> 11) + 0.5) * 0x1p-53; }

/// A standard normal vector.
Vector normals(Index count, Stream& stream) {
    Vector out(count);
    fill_noise(NoiseSpec{}, stream, out.data(), out.size());
    return out;
}

/// x . mean.
double draw_along(Index dimension, double concentration, Stream& stream) {
    const auto d = static_cast<double>(dimension) - 1.0;
    const double b =
        d / (2.0 * concentration + std::sqrt(4.0 * concentration * concentration + d * d));
    const double x0 = (1.0 - b) / (1.0 + b);
    const double c = concentration * x0 + d * std::log1p(-x0 * x0);
    for (;;) {
        // A coordinate of a uniform direction: (1 + it) / 2 is Beta(d / 2, d / 2).
        const Vector direction = normals(dimension, stream);
        const double z = 0.5 * (1.0 + direction(0) / direction.norm());
        const double w = (1.0 - (1.0 + b) * z) / (1.0 - (1.0 - b) * z);
        if (concentration * w + d * std::log1p(-x0 * w) - c >= std::log(uniform(stream))) return w;
    }
}

}  // namespace

void validate_von_mises_fisher(Index dimension, double concentration) {
    std::string problems;
    const auto require = [&](bool met, const std::string& what) {
        if (!met)
            problems.append(problems.empty() ? "" : "\n").append("von Mises-Fisher: ").append(what);
    };
    require(dimension >= 2,
            "dimension = " + std::to_string(dimension) + ", a direction needs at least 2");
    require(concentration > 0.0 && std::isfinite(concentration),
            "concentration = " + std::to_string(concentration) + ", must be positive");
    if (!problems.empty()) throw InputError(problems);
}

double mean_length(Index dimension, double concentration) {
    validate_von_mises_fisher(dimension, concentration);
    // Gauss's continued fraction 1 / (d / gamma + 1 / ((d + 2) / gamma + ...)), from its end: a
    // level beyond the first whose quotient is above 1 halves the error at least.
    const auto d = static_cast<double>(dimension);
    const auto levels = static_cast<long>(concentration) + 64;
    double out = 0.0;
    for (long k = levels; k >= 0; --k)
        out = 1.0 / ((d + 2.0 * static_cast<double>(k)) / concentration + out);
    return out;
}

VonMisesFisherVariance variance_von_mises_fisher(Index dimension, double concentration) {
    const double A = mean_length(dimension, concentration);
    const double across = A / concentration;
    return {1.0 - (static_cast<double>(dimension) - 1.0) * across - A * A, across};
}

RowMatrix sample_von_mises_fisher(const Vector& mean, double concentration, Index rows,
                                  std::uint64_t seed, std::uint64_t first) {
    validate_von_mises_fisher(mean.size(), concentration);
    RowMatrix out(rows, mean.size());
#pragma omp parallel for schedule(static)
    for (Index i = 0; i < rows; ++i) {
        Stream stream(seed, Purpose::kFeatures, first + static_cast<std::uint64_t>(i));
        const double along = draw_along(mean.size(), concentration, stream);
        Vector across = normals(mean.size(), stream);
        // Twice: of a vector that nearly lies along the mean the first leaves mostly rounding.
        for (int k = 0; k < 2; ++k) across -= across.dot(mean) * mean;
        out.row(i) = along * mean.transpose() +
                     std::sqrt(1.0 - along * along) / across.norm() * across.transpose();
    }
    return out;
}

}  // namespace prefdyn
