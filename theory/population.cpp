#include "theory/population.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/largest_eigenvalue.hpp"

namespace prefdyn::theory {

namespace {

/// || w_+ Sigma_+ + w_- Sigma_- ||, exact.
double pooled_norm(const PopulationMoments& moments, double w_plus) {
    const bool same = moments.plus.eigenvalues == moments.minus.eigenvalues &&
                      moments.plus.basis == moments.minus.basis;
    if (same) return moments.plus.norm();
    return largest_eigenvalue(w_plus * moments.plus.dense() +
                              (1.0 - w_plus) * moments.minus.dense());
}

}  // namespace

double expected_zbar_norm(const PopulationMoments& moments, const Dataset& data) {
    double plus = 0.0, minus = 0.0;  // sums of observed labels by true class
    for (std::size_t i = 0; i < data.label.size(); ++i)
        (data.category[i] > 0 ? plus : minus) += data.label[i];
    return (plus * moments.mean_plus + minus * moments.mean_minus).norm() /
           static_cast<double>(data.label.size());
}

PopulationFacts population_facts(const PopulationMoments& moments, const Dataset& data) {
    const auto positives = std::count(data.category.begin(), data.category.end(), std::int8_t{1});
    const double w_plus =
        static_cast<double>(positives) / static_cast<double>(data.category.size());
    PopulationFacts facts;
    facts.mean_norm = expected_zbar_norm(moments, data);
    facts.trace = w_plus * moments.plus.trace() + (1.0 - w_plus) * moments.minus.trace();
    facts.norm = pooled_norm(moments, w_plus);
    facts.gaussian = moments.gaussian;
    facts.finite_covariance = moments.finite_covariance;
    facts.subexponential_exponent = moments.subexponential_exponent;
    facts.bernstein_length =
        moments.bernstein_scale * std::sqrt(std::max(moments.plus.trace(), moments.minus.trace()));
    return facts;
}

PopulationFacts population_facts(const Population& population, Index n) {
    const std::vector<Index> rows = population.counts(n);
    const Index d = population.dimension();
    Vector mean = Vector::Zero(d);
    Matrix pooled = Matrix::Zero(d, d);
    for (std::size_t k = 0; k < rows.size(); ++k) {
        const Population::Component& c = population.components()[k];
        const double share = static_cast<double>(rows[k]) / static_cast<double>(n);
        mean += share * c.label * c.mean;
        pooled += share * c.covariance.dense();
    }
    PopulationFacts facts;
    facts.mean_norm = mean.norm();
    facts.trace = pooled.trace();
    facts.norm = largest_eigenvalue(pooled);
    facts.gaussian = facts.finite_covariance = true;
    facts.subexponential_exponent = 2.0;
    double widest = 0.0;
    for (const Population::Component& c : population.components())
        widest = std::max(widest, c.covariance.trace());
    facts.bernstein_length = bernstein_scale(NoiseSpec{}) * std::sqrt(widest);
    return facts;
}

double gaussian_deviation(const PopulationFacts& facts, Index n, double delta) {
    const double samples = static_cast<double>(n);
    return std::sqrt(facts.trace / samples) +
           std::sqrt(2.0 * facts.norm * std::log(1.0 / delta) / samples);
}

double subexponential_deviation(const PopulationFacts& facts, Index n, double delta) {
    const double samples = static_cast<double>(n), l = std::log(2.0 / delta) / samples;
    const double along = l * facts.bernstein_length;
    return along + std::sqrt(along * along + 2.0 * l * facts.trace);
}

double markov_deviation(const PopulationFacts& facts, Index n, double delta) {
    return std::sqrt(facts.trace / (static_cast<double>(n) * delta));
}

}  // namespace prefdyn::theory
