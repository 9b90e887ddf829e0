#include "sim/data/distribution.hpp"

#include <boost/random/uniform_01.hpp>
#include <cmath>

#include "sim/base/complaints.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

Vector mean_direction(const FeatureSpec& spec, const Covariance& sigma, std::uint64_t seed) {
    switch (spec.direction) {
        case Direction::kAxis:
            return Vector::Unit(spec.dimension, 0);
        case Direction::kRandom:
            return random_unit(spec.dimension, Stream(seed, Purpose::kDirection, 0));
        case Direction::kTop:
            return sigma.axis(0);
        case Direction::kBottom:
            return sigma.axis(spec.dimension - 1);
    }
    return Vector::Unit(spec.dimension, 0);
}

Vector common_mean(const FeatureSpec& spec, const Vector& u, std::uint64_t seed) {
    if (spec.common_norm == 0.0) return Vector::Zero(spec.dimension);
    const double angle = spec.common_angle * kPi / 180.0;
    if (spec.dimension == 1) return spec.common_norm * std::cos(angle) * u;
    const Vector w = random_orthogonal_unit(u, Stream(seed, Purpose::kDirection, 1));
    return spec.common_norm * (std::cos(angle) * u + std::sin(angle) * w);
}

void flip_labels(std::vector<std::int8_t>& label, double rho, Stream stream) {
    boost::random::uniform_01<double> uniform;
    for (auto& s : label)
        if (uniform(stream) < rho) s = static_cast<std::int8_t>(-s);
}

}  // namespace

Index class_count(const FeatureSpec& spec, int sign) {
    const auto plus =
        static_cast<Index>(std::llround(spec.p_plus * static_cast<double>(spec.samples)));
    return sign > 0 ? plus : spec.samples - plus;
}

void validate(const FeatureSpec& spec) {
    Complaints problems;
    const Index smallest = std::min(class_count(spec, +1), class_count(spec, -1));
    const bool sample = spec.moments == Moments::kSample;
    problems.unless(smallest >= 1, "balance: samples = " + std::to_string(spec.samples) +
                                       " and balance = " + std::to_string(spec.p_plus) +
                                       " leave one class empty");
    problems.unless(
        !sample || smallest >= spec.dimension + 1,
        "moments = sample needs more than dimension = " + std::to_string(spec.dimension) +
            " samples in each class, the smaller has " + std::to_string(smallest));
    problems.unless(!sample || !(spec.label_noise > 0.0),
                    "moments = sample fixes the moments of the observed classes, so label-noise "
                    "must be 0, not " +
                        std::to_string(spec.label_noise));
    const double sine = std::sin(spec.common_angle * kPi / 180.0);
    problems.unless(spec.dimension != 1 || !(spec.common_norm > 0.0) || !(std::fabs(sine) > 1e-12),
                    "common-angle: in dimension 1 only 0 and 180 degrees exist, not " +
                        std::to_string(spec.common_angle));
    problems.raise("raise samples, lower dimension, or use --moments population");
}

FeatureDistribution::FeatureDistribution(FeatureSpec spec, std::uint64_t seed)
    : spec_(std::move(spec)) {
    validate(spec_);
    const Index d = spec_.dimension;
    moments_.plus = make_covariance(spec_.covariance, d, Stream(seed, Purpose::kBasis, 0));
    moments_.minus = spec_.covariance_minus ? make_covariance(*spec_.covariance_minus, d,
                                                              Stream(seed, Purpose::kBasis, 1))
                                            : moments_.plus;
    const Vector u = mean_direction(spec_, moments_.plus, seed);
    const Vector m = common_mean(spec_, u, seed);
    moments_.mean_plus = m + 0.5 * spec_.distinguishability * u;
    moments_.mean_minus = m - 0.5 * spec_.distinguishability * u;
    moments_.finite_covariance = std::isfinite(variance(spec_.noise));
    moments_.gaussian =
        spec_.noise.tails == Tails::kGaussian && spec_.moments == Moments::kPopulation;
    moments_.subexponential_exponent = subexponential_exponent(spec_.noise);
    moments_.bernstein_scale = bernstein_scale(spec_.noise);
}

Dataset FeatureDistribution::sample(std::uint64_t seed, bool held_out, Device device) const {
    Dataset data;
    data.name = "synthetic";
    data.features.resize(spec_.samples, spec_.dimension);
    Index first = 0;
    for (const int sign : {+1, -1}) {
        const Index rows = class_count(spec_, sign);
        const ClassLaw law{spec_.noise, sign > 0 ? moments_.plus : moments_.minus,
                           sign > 0 ? moments_.mean_plus : moments_.mean_minus};
        fill_class(law, spec_.moments, {seed, held_out, first},
                   data.features.middleRows(first, rows), device);
        data.label.insert(data.label.end(), static_cast<std::size_t>(rows),
                          static_cast<std::int8_t>(sign));
        first += rows;
    }
    data.category = data.label;
    if (spec_.label_noise > 0.0)
        flip_labels(data.label, spec_.label_noise,
                    Stream(seed, held_out ? Purpose::kHeldOutLabelNoise : Purpose::kLabelNoise));
    return data;
}

}  // namespace prefdyn
