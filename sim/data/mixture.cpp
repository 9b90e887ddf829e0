#include "sim/data/mixture.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string>

#include "sim/base/complaints.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

constexpr double kWeightTolerance = 1e-12;

std::string digits(double value) {
    std::array<char, 32> out;
    return {out.data(), std::to_chars(out.begin(), out.end(), value).ptr};
}

std::vector<double> weights(const MixtureSpec& spec) {
    std::vector<double> out;
    for (const BehaviourSpec& b : spec.behaviours) out.push_back(b.weight);
    return out;
}

Index positives(const BehaviourSpec& behaviour, Index rows) {
    return static_cast<Index>(std::llround(behaviour.p_plus * static_cast<double>(rows)));
}

void require_symmetric(const Matrix& gram) {
    if (gram.rows() != gram.cols() || gram.rows() == 0)
        throw InputError("Gram matrix: " + std::to_string(gram.rows()) + " x " +
                         std::to_string(gram.cols()) + ", expected square and not empty");
    const auto complain = [&](Index j, Index k, const std::string& what) {
        throw InputError("Gram matrix: entry [" + std::to_string(j) + ", " + std::to_string(k) +
                             "] = " + digits(gram(j, k)) + what,
                         "give the inner products of the mean differences");
    };
    for (Index j = 0; j < gram.rows(); ++j)
        for (Index k = 0; k < gram.cols(); ++k)
            if (!std::isfinite(gram(j, k))) complain(j, k, " is not finite");
    const double tolerance = 1e-12 * gram.cwiseAbs().maxCoeff();
    for (Index j = 0; j < gram.rows(); ++j)
        for (Index k = 0; k < gram.cols(); ++k)
            if (std::fabs(gram(j, k) - gram(k, j)) > tolerance)
                complain(j, k, " differs from its mirror image " + digits(gram(k, j)));
}

void check_weights(const MixtureSpec& spec, Complaints& problems) {
    double total = 0.0;
    for (std::size_t k = 0; k < spec.behaviours.size(); ++k) {
        const double q = spec.behaviours[k].weight;
        total += q;
        problems.unless(q > 0.0, "behaviour " + std::to_string(k) + ": weight = " + digits(q) +
                                     ", must be positive");
    }
    problems.unless(std::fabs(total - 1.0) <= kWeightTolerance,
                    "weights of the behaviours add up to " + digits(total) + ", must be 1");
}

void check_counts(const MixtureSpec& spec, Complaints& problems) {
    const auto counts = largest_remainder(weights(spec), spec.samples);
    const Index least = spec.moments == Moments::kSample ? spec.dimension + 1 : 1;
    for (std::size_t k = 0; k < counts.size(); ++k) {
        const Index plus = positives(spec.behaviours[k], counts[k]);
        const Index smaller = std::min(plus, counts[k] - plus);
        problems.unless(smaller >= least, "behaviour " + std::to_string(k) + ": " +
                                              std::to_string(counts[k]) + " samples leave " +
                                              std::to_string(smaller) +
                                              " in its smaller class, at least " +
                                              std::to_string(least) + " are needed");
    }
}

/// (d, r) orthonormal columns.
Matrix frame(const MixtureSpec& spec, Index r, std::uint64_t seed) {
    if (spec.placement == Placement::kAxis) return Matrix::Identity(spec.dimension, r);
    return random_frame(spec.dimension, r, Stream(seed, Purpose::kBehaviours, 0));
}

PopulationMoments behaviour_moments(const MixtureSpec& spec, std::size_t k, std::uint64_t seed) {
    const BehaviourSpec& b = spec.behaviours[k];
    PopulationMoments out;
    out.plus =
        make_covariance(b.covariance, spec.dimension, Stream(seed, Purpose::kBehaviours, 1 + k));
    const auto K = spec.behaviours.size();
    out.minus = b.covariance_minus ? make_covariance(*b.covariance_minus, spec.dimension,
                                                     Stream(seed, Purpose::kBehaviours, 1 + K + k))
                                   : out.plus;
    out.finite_covariance = std::isfinite(variance(b.noise));
    out.gaussian = b.noise.tails == Tails::kGaussian && spec.moments == Moments::kPopulation;
    out.subexponential_exponent = subexponential_exponent(b.noise);
    out.bernstein_scale = bernstein_scale(b.noise);
    return out;
}

}  // namespace

Matrix equiangular_gram(const Vector& norms, double degrees) {
    Matrix gram = std::cos(degrees * kPi / 180.0) * norms * norms.transpose();
    gram.diagonal() = norms.cwiseAbs2();
    return gram;
}

std::vector<Index> largest_remainder(const std::vector<double>& weight, Index count) {
    std::vector<Index> out;
    std::vector<double> remainder;
    Index left = count;
    for (const double q : weight) {
        const double share = q * static_cast<double>(count);
        // A share that is whole but for rounding is whole.
        const double whole = std::floor(share * (1.0 + 4.0 * kEpsilon));
        out.push_back(static_cast<Index>(whole));
        remainder.push_back(share - whole);
        left -= out.back();
    }
    std::vector<std::size_t> order(weight.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return remainder[a] > remainder[b]; });
    for (std::size_t i = 0; i < order.size() && left > 0; ++i, --left) ++out[order[i]];
    return out;
}

Matrix gram_factor(const Matrix& gram) {
    require_symmetric(gram);
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(gram);
    const Vector& lambda = solver.eigenvalues();
    const double tolerance =
        16.0 * kEpsilon * static_cast<double>(gram.rows()) * lambda.cwiseAbs().maxCoeff();
    if (!(lambda.minCoeff() >= -tolerance))
        throw InputError("Gram matrix: its most negative eigenvalue is " +
                             digits(lambda.minCoeff()) + ", it must be positive semi-definite",
                         "no vectors have these norms and angles; K vectors at one mutual angle "
                         "need cos >= -1 / (K - 1)");
    const auto rank = (lambda.array() > tolerance).count();
    return solver.eigenvectors().rightCols(rank) * lambda.tail(rank).cwiseSqrt().asDiagonal();
}

void validate(const MixtureSpec& spec) {
    const auto K = static_cast<Index>(spec.behaviours.size());
    if (K == 0 || spec.gram.rows() != K || spec.gram.cols() != K)
        throw InputError("mixture: " + std::to_string(K) + " behaviours and a Gram matrix of " +
                             std::to_string(spec.gram.rows()) + " x " +
                             std::to_string(spec.gram.cols()),
                         "give one row and column a behaviour, at least one");
    Complaints problems;
    check_weights(spec, problems);
    problems.raise("weights are shares of the samples");
    check_counts(spec, problems);
    const Index needed = gram_factor(spec.gram).cols() + (spec.common_norm > 0.0 ? 1 : 0);
    problems.unless(spec.dimension >= std::max<Index>(needed, 1),
                    "dimension = " + std::to_string(spec.dimension) +
                        " is too small: mean differences and common mean span " +
                        std::to_string(needed));
    problems.raise("raise samples, lower dimension, or balance the weights");
}

MixtureDistribution::MixtureDistribution(MixtureSpec spec, std::uint64_t seed)
    : spec_(std::move(spec)), seed_(seed) {
    validate(spec_);
    const Matrix factor = gram_factor(spec_.gram);
    const Index rank = factor.cols(), columns = rank + (spec_.common_norm > 0.0 ? 1 : 0);
    const Matrix q = frame(spec_, columns, seed);
    difference_ = factor * q.leftCols(rank).transpose();
    const Vector common = columns > rank ? Vector(spec_.common_norm * q.col(rank))
                                         : Vector(Vector::Zero(spec_.dimension));
    counts_ = largest_remainder(weights(spec_), spec_.samples);
    for (std::size_t k = 0; k < spec_.behaviours.size(); ++k) {
        moments_.push_back(behaviour_moments(spec_, k, seed));
        const Vector half = 0.5 * difference_.row(static_cast<Index>(k)).transpose();
        moments_.back().mean_plus = common + half;
        moments_.back().mean_minus = common - half;
    }
}

Dataset MixtureDistribution::sample(std::uint64_t seed, bool held_out, Device device) const {
    Dataset data;
    data.name = "mixture";
    data.features.resize(spec_.samples, spec_.dimension);
    Index first = 0;
    for (std::size_t k = 0; k < counts_.size(); ++k) {
        const Index plus = positives(spec_.behaviours[k], counts_[k]);
        for (const int sign : {+1, -1}) {
            const Index rows = sign > 0 ? plus : counts_[k] - plus;
            const ClassLaw law{spec_.behaviours[k].noise,
                               sign > 0 ? moments_[k].plus : moments_[k].minus,
                               sign > 0 ? moments_[k].mean_plus : moments_[k].mean_minus};
            fill_class(law, spec_.moments, {seed, held_out, first},
                       data.features.middleRows(first, rows), device);
            data.label.insert(data.label.end(), static_cast<std::size_t>(rows),
                              static_cast<std::int8_t>(sign));
            first += rows;
        }
        data.behaviour.insert(data.behaviour.end(), static_cast<std::size_t>(counts_[k]),
                              static_cast<int>(k));
    }
    data.category = data.label;
    return data;
}

}  // namespace prefdyn
