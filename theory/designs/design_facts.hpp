#pragma once
// Which pairs to compare (theory.md T23): what the gap to pi* costs under a design, the design that
// makes it least, and what was measured. One prompt, A responses.

#include <string>
#include <vector>

#include "sim/base/types.hpp"

namespace prefdyn::theory {

struct TabularTask {
    Vector reference;  ///< pi_ref (A), sums to 1
    Vector reward;     ///< r (A); preferences are Bradley-Terry
    double beta = 0.5;
};

/// Throws one InputError that lists everything wrong: fewer than two responses, a reference that is
/// no distribution of full support, a reward that is not finite, a beta that is not positive.
void validate(const TabularTask& task);

/// pi_ref exp(r / beta) / Z (A).
Vector optimal_policy(const TabularTask& task);

/// Of one comparison, in the rewards (A, A): sum over pairs of pair(a, b) sigma(r_a - r_b)
/// sigma(r_b
/// - r_a) u u^T, u = e_a - e_b. `pair` (A, A) is the probability of each ordered pair.
Matrix information_of(const TabularTask& task, const Matrix& pair);

/// tr(F I^+) / (2 beta^2), F the Fisher matrix of pi*: the limit of N E KL(pi* || pihat_N).
/// Infinite where not every response is compared, through others.
double design_cost(const TabularTask& task, const Matrix& pair);

/// d(a, b) = sigma sigma' u^T I^+ F I^+ u / (2 beta^2) (A, A): what weight on that pair would save.
/// sum pair d is the cost.
Matrix savings(const TabularTask& task, const Matrix& pair);

/// The design of least cost, from uniform pairs by pair <- pair sqrt(d), normalised (Silvey,
/// Titterington & Torsney, 1978).
Matrix best_pairs(const TabularTask& task, int iterations);

/// No design costs less: cost^2 / max d. 1 / cost is concave in the design and homogeneous.
double least_cost(const TabularTask& task, const Matrix& pair);

/// Of N E KL(pi* || pihat_N) over samples drawn by a design.
struct DesignArm {
    std::string name;
    Matrix pair;
    double samples = 0.0;      ///< N
    double scaled_gap = 0.0;   ///< mean of N KL
    double gap_error = 0.0;    ///< standard error of that mean; infinite without samples
    std::size_t unsolved = 0;  ///< samples without an optimum
};

struct DesignFacts {
    TabularTask task;
    DesignArm uniform, best;
    std::vector<Matrix> others;  ///< designs that were drawn at random
};

/// Least and largest eigenvalue of I, the constant vector left out.
struct Spectrum {
    double least, largest;
};
Spectrum spectrum_of(const TabularTask& task, const Matrix& pair);

/// tr F = 1 - ||pi*||^2.
double fisher_trace(const TabularTask& task);

}  // namespace prefdyn::theory
