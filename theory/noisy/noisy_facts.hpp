#pragma once
// Preferences with flipped labels on two von Mises-Fisher clusters (theory.md T21).

#include "sim/base/ball.hpp"
#include "sim/base/types.hpp"

namespace prefdyn::theory {

struct NoisyTask {
    Index samples = 1000;          ///< N, both clusters together
    Index dimension = 3;           ///< d
    double angle = 3.0;            ///< theta between the clusters' means, in (0, pi]
    double concentration = 100.0;  ///< gamma
    double flipped = 0.0;          ///< eps: chance that a label is flipped
    double beta = 0.1;
};

/// Throws one InputError that lists everything wrong.
void validate(const NoisyTask& task);

/// sin(theta / 3) / (4 beta^2 sup |phi''|), until which the theorem speaks; DPO: sup phi'' = 1/4.
double noisy_path_end(const NoisyTask& task);

/// 1 - 1 / gamma - cos(theta / 3) - sqrt(log N / N): the largest eps that the theorem admits.
double largest_flip(const NoisyTask& task);

/// R0 / (1 - sqrt(R0 gamma) eps)^2, R0 = (constant / gamma) (1 - 1 / gamma - cos(theta / 3))^-2.
Ball noisy_bound(const NoisyTask& task, double constant);
/// 1 - sqrt(R0 gamma) eps: the bound has a pole where it is 0.
double from_pole(const NoisyTask& task, double constant);

/// P(w . x <= 0), x von Mises-Fisher about a mean whose angle with w has this cosine; d >= 3. By
/// the trapezoid rule in the angle of x and its mean; the radius is the difference to half as many
/// points.
Ball wrong_side(Index dimension, double concentration, double cosine);

struct NoisyFacts {
    NoisyTask task;
    double time = 0.0;
    Ball risk;              ///< on fresh data without flips, exact for the trained head
    double measured = 0.0;  ///< the same, counted on `counted` fresh samples
    double counted = 0.0;
    double flips = 0.0;  ///< share of labels that were flipped
};

}  // namespace prefdyn::theory
