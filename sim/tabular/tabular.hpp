#pragma once
// A tabular world for DPO and RLHF: P prompts with A responses each, and no features. Matrices are
// (P, A), one prompt a row; what concerns pairs is one (A, A) matrix a prompt.

#include <vector>

#include "sim/data/dataset.hpp"

namespace prefdyn {

struct TabularWorld {
    Vector weight;                   ///< (P) share of each prompt, sums to 1
    RowMatrix reference;             ///< pi_ref (P, A), rows sum to 1
    RowMatrix reward;                ///< r (P, A)
    std::vector<Matrix> pair;        ///< [P] probability that (a, b), a != b, is what is compared
    std::vector<Matrix> preference;  ///< [P] P(a preferred to b); the diagonal is not looked at
    double floor = 0.0;  ///< log pi_ref is taken at max(pi_ref, floor); needed where pi_ref = 0

    Index prompts() const { return reward.rows(); }
    Index responses() const { return reward.cols(); }
};

/// Uniform pairs, Bradley-Terry preferences P(a > b) = sigma(r_a - r_b).
TabularWorld make_world(Vector weight, RowMatrix reference, RowMatrix reward);

/// a, b independent from mu (P, A) given a != b.
std::vector<Matrix> pairs_from(const RowMatrix& mu);
std::vector<Matrix> bradley_terry(const RowMatrix& reward);

/// Throws one InputError that lists everything wrong.
void validate(const TabularWorld& world);

/// (P, A)
RowMatrix log_reference(const TabularWorld& world);

/// How often, or with what weight, a was preferred to b.
struct Comparisons {
    std::vector<Matrix> wins;  ///< [P] (A, A)

    Index prompts() const { return static_cast<Index>(wins.size()); }
    Index responses() const { return wins.empty() ? 0 : wins.front().rows(); }
    double total() const;
};

/// Throws InputError unless there are comparisons, all finite, non-negative and off the diagonal.
void validate(const Comparisons& data);

/// Exact probabilities: total 1.
Comparisons population(const TabularWorld& world);

/// n independent comparisons: counts, total n. Sample i is a function of (seed, i) alone.
Comparisons draw(const TabularWorld& world, std::int64_t n, std::uint64_t seed, std::uint64_t i);

/// log softmax of every row: fixes the gauge of the logits.
RowMatrix log_softmax(const RowMatrix& theta);

/// sum_x weight_x KL(p(. | x) || q(. | x)), natural log, of log policies (P, A).
double divergence(const Vector& weight, const RowMatrix& log_p, const RowMatrix& log_q);

/// max |log p - log q|; infinite where only one of the two is a zero probability.
double log_ratio_gap(const RowMatrix& log_p, const RowMatrix& log_q);

}  // namespace prefdyn
