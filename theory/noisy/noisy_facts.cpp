#include "theory/noisy/noisy_facts.hpp"

#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "sim/base/failure.hpp"

namespace prefdyn::theory {

namespace {

constexpr int kPoints = 1024;

double span(const NoisyTask& task) {
    return 1.0 - 1.0 / task.concentration - std::cos(task.angle / 3.0);
}

/// P(x <= at), x a coordinate of a uniform direction in R^m.
double direction_cdf(double m, double at) {
    if (at <= -1.0) return 0.0;
    if (at >= 1.0) return 1.0;
    const double within = boost::math::ibeta(0.5, 0.5 * (m - 1.0), at * at);
    return at < 0.0 ? 0.5 - 0.5 * within : 0.5 + 0.5 * within;
}

/// Log density of the angle up to a constant, at its points.
double log_density(double d, double concentration, double angle) {
    return concentration * (std::cos(angle) - 1.0) + (d - 2.0) * std::log(std::sin(angle));
}

/// P(w . x <= 0 | angle).
double beyond(double d, double angle, double cosine) {
    const double sine = std::sqrt(std::max(0.0, 1.0 - cosine * cosine));
    const double along = -std::cos(angle) * cosine, across = std::sin(angle) * sine;
    if (across == 0.0) return along >= 0.0 ? 1.0 : 0.0;
    return direction_cdf(d - 1.0, along / across);
}

double wrong_side_at(double d, double concentration, double cosine, int points) {
    double highest = -kInfinity;
    std::vector<double> density;
    for (int k = 1; k < points; ++k) {
        density.push_back(log_density(d, concentration, kPi * k / points));
        highest = std::max(highest, density.back());
    }
    double sum = 0.0, mass = 0.0;
    for (int k = 1; k < points; ++k) {
        const double weight = std::exp(density[static_cast<std::size_t>(k) - 1] - highest);
        mass += weight;
        if (weight > 0.0) sum += weight * beyond(d, kPi * k / points, cosine);
    }
    return sum / mass;
}

}  // namespace

void validate(const NoisyTask& task) {
    std::string problems;
    const auto require = [&](bool met, const std::string& what) {
        if (!met)
            problems.append(problems.empty() ? "" : "\n").append("noisy labels: ").append(what);
    };
    require(task.samples >= 2,
            "samples = " + std::to_string(task.samples) + ", must be at least 2");
    require(task.dimension >= 3,
            "dimension = " + std::to_string(task.dimension) + ", must be at least 3");
    require(task.angle > 0.0 && task.angle <= kPi,
            "angle = " + std::to_string(task.angle) + ", must lie in (0, pi]");
    require(task.concentration > 0.0 && std::isfinite(task.concentration),
            "concentration = " + std::to_string(task.concentration) + ", must be positive");
    require(task.flipped >= 0.0 && task.flipped < 0.5,
            "flipped = " + std::to_string(task.flipped) + ", must lie in [0, 1/2)");
    require(task.beta > 0.0 && std::isfinite(task.beta),
            "beta = " + std::to_string(task.beta) + ", must be positive");
    if (!problems.empty()) throw InputError(problems);
}

double noisy_path_end(const NoisyTask& task) {
    return std::sin(task.angle / 3.0) / (task.beta * task.beta);
}

double largest_flip(const NoisyTask& task) {
    const auto n = static_cast<double>(task.samples);
    return span(task) - std::sqrt(std::log(n) / n);
}

double from_pole(const NoisyTask& task, double constant) {
    return 1.0 - std::sqrt(constant) * task.flipped / span(task);
}

Ball noisy_bound(const NoisyTask& task, double constant) {
    const double cosine = std::cos(task.angle / 3.0);
    const Ball gamma(task.concentration),
        reach = Ball(1.0) - Ball(1.0) / gamma - ball::rounded(cosine, kUnitRoundoff),
        start = Ball(constant) / (gamma * square(reach));
    return start / square(Ball(1.0) - sqrt(start * gamma) * Ball(task.flipped));
}

Ball wrong_side(Index dimension, double concentration, double cosine) {
    const auto d = static_cast<double>(dimension);
    const double fine = wrong_side_at(d, concentration, cosine, kPoints),
                 coarse = wrong_side_at(d, concentration, cosine, kPoints / 2);
    return {fine, std::fabs(fine - coarse) + gamma_of(8.0 * kPoints) * fine};
}

}  // namespace prefdyn::theory
