#include "sim/data/population.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"
#include "sim/data/mixture.hpp"

namespace prefdyn {

namespace {

constexpr double kWeightTolerance = 1e-9, kMirrorTolerance = 1e-12, kNegativeTolerance = 1e-10;

using Extents = std::vector<std::size_t>;

std::string digits(double value) {
    char buffer[32];
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

template <class List>
std::string list_text(const List& list, const char* between) {
    std::string out;
    for (const auto each : list)
        out.append(out.empty() ? "" : between).append(std::to_string(each));
    return out;
}

/// "pop.h5: means[2, 0]", the place of the k-th number.
std::string place_of(const std::string& array, const Extents& shape, std::size_t k) {
    Extents at(shape.size());
    for (std::size_t axis = shape.size(); axis-- > 0; k /= shape[axis]) at[axis] = k % shape[axis];
    return array + "[" + list_text(at, ", ") + "]";
}

void require_shape(const std::string& array, const NpyArray& given, const Extents& wanted,
                   const std::string& words) {
    if (given.shape == wanted) return;
    throw InputError(array + " has shape (" + list_text(given.shape, ", ") + "), expected (" +
                         list_text(wanted, ", ") + "): " + words,
                     "weights (C), labels (C), means (C, d), covariances (C, d, d) or (C, d), C "
                     "components in d dimensions");
}

void require_finite(const std::string& array, const NpyArray& given) {
    for (std::size_t k = 0; k < given.values.size(); ++k)
        if (!std::isfinite(given.values[k]))
            throw InputError(place_of(array, given.shape, k) + " = " + digits(given.values[k]) +
                                 ", must be finite",
                             "look for missing values in what made the file");
}

void check_shapes(const PopulationArrays& a, const std::string& place) {
    const Extents& means = a.means.shape;
    if (means.size() != 2 || means[0] == 0 || means[1] == 0)
        throw InputError(place + "means has shape (" + list_text(means, ", ") +
                             "), expected (C, d): a row a component",
                         "C components, at least one of either label, in d dimensions");
    const std::size_t C = means[0], d = means[1];
    require_shape(place + "weights", a.weights, {C}, "one a row of means");
    require_shape(place + "labels", a.labels, {C}, "one a row of means");
    const bool diagonals = a.covariances.shape.size() == 2;
    require_shape(place + "covariances", a.covariances,
                  diagonals ? Extents{C, d} : Extents{C, d, d},
                  diagonals ? "a diagonal a component" : "a matrix a component");
    require_finite(place + "weights", a.weights);
    require_finite(place + "means", a.means);
    require_finite(place + "covariances", a.covariances);
}

void check_weights(const NpyArray& weights, const std::string& array) {
    double total = 0.0;
    for (std::size_t k = 0; k < weights.values.size(); ++k) {
        total += weights.values[k];
        if (!(weights.values[k] > 0.0))
            throw InputError(place_of(array, weights.shape, k) + " = " + digits(weights.values[k]) +
                                 ", must be positive",
                             "leave out components that no sample comes from");
    }
    if (!(std::fabs(total - 1.0) <= kWeightTolerance))
        throw InputError(array + " add up to " + digits(total) + ", must be 1",
                         "divide them by their sum");
}

void check_labels(const NpyArray& labels, const std::string& array) {
    for (std::size_t k = 0; k < labels.values.size(); ++k)
        if (std::fabs(labels.values[k]) != 1.0)
            throw InputError(place_of(array, labels.shape, k) + " = " + digits(labels.values[k]) +
                                 ", allowed are +1 and -1",
                             "use +1 where the first response (Yes) is chosen, -1 otherwise");
    for (const double label : {1.0, -1.0})
        if (std::ranges::count(labels.values, label) == 0)
            throw InputError(array + ": no component has label " + (label > 0.0 ? "+1" : "-1"),
                             "a preference is learned from both");
}

/// `k` is the component, `place` its array.
void require_symmetric(const Matrix& sigma, const std::string& array, std::size_t k) {
    const double tolerance = kMirrorTolerance * sigma.cwiseAbs().maxCoeff();
    for (Index i = 0; i < sigma.rows(); ++i)
        for (Index j = 0; j < i; ++j)
            if (!(std::fabs(sigma(i, j) - sigma(j, i)) <= tolerance))
                throw InputError(array + "[" + std::to_string(k) + ", " + std::to_string(i) + ", " +
                                     std::to_string(j) + "] = " + digits(sigma(i, j)) +
                                     " differs from its mirror image " + digits(sigma(j, i)),
                                 "a covariance is symmetric: save (S + S.T) / 2");
}

Covariance diagonal_covariance(const Vector& diagonal, const std::string& component) {
    Index at = 0;
    if (diagonal.minCoeff(&at) < 0.0)
        throw InputError(component + ": variance " + std::to_string(at) + " is " +
                             digits(diagonal(at)) + ", must not be negative",
                         "give variances, not standard deviations or correlations");
    return {diagonal, {}};
}

Covariance dense_covariance(const Matrix& sigma, const std::string& component) {
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(sigma);
    const Vector lambda = solver.eigenvalues().reverse();
    const double least = lambda(lambda.size() - 1);
    if (solver.info() != Eigen::Success ||
        !(least >= -kNegativeTolerance * lambda.cwiseAbs().maxCoeff()))
        throw InputError(component + ": its most negative eigenvalue is " + digits(least) +
                             ", a covariance must be positive semi-definite",
                         "no features have it; add what is missing to its diagonal");
    return {lambda.cwiseMax(0.0), solver.eigenvectors().rowwise().reverse()};
}

Covariance covariance_of(const NpyArray& all, std::size_t k, Index d, const std::string& array) {
    const std::string component = array + "[" + std::to_string(k) + "]";
    const auto size = static_cast<std::size_t>(d);
    if (all.shape.size() == 2)
        return diagonal_covariance(Eigen::Map<const Vector>(all.values.data() + k * size, d),
                                   component);
    const Matrix sigma = Eigen::Map<const RowMatrix>(all.values.data() + k * size * size, d, d);
    require_symmetric(sigma, array, k);
    if (sigma.isDiagonal(0.0)) return diagonal_covariance(sigma.diagonal(), component);
    return dense_covariance(sigma, component);
}

std::string hash_of(const PopulationArrays& arrays) {
    ContentHash hash;
    for (const NpyArray* a :
         {&arrays.weights, &arrays.labels, &arrays.means, &arrays.covariances}) {
        hash.add(list_text(a->shape, ",") + "\n");
        hash.add(
            {reinterpret_cast<const char*>(a->values.data()), a->values.size() * sizeof(double)});
    }
    return hash.text();
}

}  // namespace

Population::Population(PopulationArrays arrays, const std::string& path)
    : name_(std::filesystem::path(path).filename().string()) {
    const std::string place = path + ": ";
    check_shapes(arrays, place);
    check_weights(arrays.weights, place + "weights");
    check_labels(arrays.labels, place + "labels");
    hash_ = hash_of(arrays);
    const auto d = static_cast<Index>(arrays.means.shape[1]);
    CompensatedSum total;
    for (const double w : arrays.weights.values) total += w;
    for (std::size_t k = 0; k < arrays.weights.values.size(); ++k)
        components_.push_back({arrays.weights.values[k] / total.value(),
                               arrays.labels.values[k] > 0.0 ? 1 : -1,
                               Eigen::Map<const Vector>(
                                   arrays.means.values.data() + k * static_cast<std::size_t>(d), d),
                               covariance_of(arrays.covariances, k, d, place + "covariances")});
}

ClassMoments Population::class_moments(int label) const {
    ClassMoments out{0.0, Vector::Zero(dimension()), Matrix::Zero(dimension(), dimension())};
    for (const Component& c : components_)
        if (c.label == label) {
            out.share += c.weight;
            out.mean += c.weight * c.mean;
        }
    out.mean /= out.share;
    for (const Component& c : components_)
        if (c.label == label) {
            const Vector apart = c.mean - out.mean;
            out.covariance +=
                c.weight / out.share * (c.covariance.dense() + apart * apart.transpose());
        }
    return out;
}

double Population::p_plus() const {
    double out = 0.0;
    for (const Component& c : components_) out += c.label > 0 ? c.weight : 0.0;
    return out;
}

double Population::distinguishability() const {
    Vector apart = Vector::Zero(dimension());
    const double plus = p_plus();
    for (const Component& c : components_)
        apart += c.label * c.weight / (c.label > 0 ? plus : 1.0 - plus) * c.mean;
    return apart.norm();
}

Vector Population::zbar() const {
    Vector out = Vector::Zero(dimension());
    for (const Component& c : components_) out += c.label * c.weight * c.mean;
    return out;
}

std::vector<Index> Population::counts(Index n) const {
    std::vector<double> weights;
    for (const Component& c : components_) weights.push_back(c.weight);
    std::vector<Index> out = largest_remainder(weights, n);
    for (std::size_t k = 0; k < out.size(); ++k)
        if (out[k] == 0)
            throw InputError(
                name_ + ": " + std::to_string(n) + " samples leave component " + std::to_string(k) +
                    " of weight " + digits(weights[k]) + " without any",
                "at least " + std::to_string(least_samples(1)) + " samples are needed");
    return out;
}

Index Population::least_samples(Index rows) const {
    const auto rarest = std::ranges::min_element(components_, {}, &Component::weight);
    return static_cast<Index>(std::ceil(static_cast<double>(rows) / rarest->weight));
}

Dataset Population::sample(Index n, std::uint64_t seed, bool held_out, Device device) const {
    const std::vector<Index> rows = counts(n);
    Dataset data;
    data.name = name_;
    data.features.resize(n, dimension());
    const NoiseSpec gaussian;
    Index first = 0;
    for (std::size_t k = 0; k < rows.size(); ++k) {
        const Component& c = components_[k];
        fill_class({gaussian, c.covariance, c.mean}, Moments::kPopulation, {seed, held_out, first},
                   data.features.middleRows(first, rows[k]), device);
        data.label.insert(data.label.end(), static_cast<std::size_t>(rows[k]),
                          static_cast<std::int8_t>(c.label));
        first += rows[k];
    }
    data.category = data.label;
    return data;
}

}  // namespace prefdyn
