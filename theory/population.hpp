#pragma once
// What the population says about the sample mean, labels fixed (theory.md T5).

#include "sim/base/numerics.hpp"
#include "sim/data/dataset.hpp"
#include "sim/data/distribution.hpp"
#include "sim/data/population.hpp"

namespace prefdyn::theory {

/// Of zbar given the labels: N(mean, S / n) for Gaussian features, S = p_+ Sigma_+ + p_- Sigma_-.
struct PopulationFacts {
    double mean_norm = 0.0;  ///< || E zbar ||, = || p_+ mu_+ - p_- mu_- || without label noise
    double trace = 0.0;      ///< tr S
    double norm = 0.0;       ///< || S ||_2
    bool gaussian = false;
    bool finite_covariance = false;
    bool independent = true;               ///< rows are independent draws
    double subexponential_exponent = 0.0;  ///< alpha; 0 if the tails are too heavy for any
    /// L of E ||x - E x||^m <= (m! / 2) tr Sigma L^(m - 2), m >= 2, in either class: its
    /// coordinates' scale times sqrt(tr Sigma). Infinity if there is none.
    double bernstein_length = kInfinity;
};

/// `data` supplies labels and true classes; features are not looked at.
PopulationFacts population_facts(const PopulationMoments& moments, const Dataset& data);

/// Of n rows of a population of the user's own, labels and components fixed.
PopulationFacts population_facts(const Population& population, Index n);

/// || E zbar || for these labels and true classes: with flips fixed too, each sample contributes
/// its observed label times the mean of its true class.
double expected_zbar_norm(const PopulationMoments& moments, const Dataset& data);

/// T5g: sqrt(tr S / n) + sqrt(2 ||S|| log(1/delta) / n).
double gaussian_deviation(const PopulationFacts& facts, Index n, double delta);

/// T5b: the r of log(2/delta) = n r^2 / (2 (tr S + r L)).
double subexponential_deviation(const PopulationFacts& facts, Index n, double delta);

/// T5m: sqrt(tr S / (n delta)).
double markov_deviation(const PopulationFacts& facts, Index n, double delta);

}  // namespace prefdyn::theory
