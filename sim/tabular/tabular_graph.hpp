#pragma once
// Whether the optimum of a Bradley-Terry likelihood (and so of tabular DPO) exists: Ford's
// condition.

#include "sim/tabular/tabular.hpp"

namespace prefdyn {

/// Norm of the gradient at which an optimum counts as found.
inline constexpr double kGradientTolerance = 1e-12;

enum class Optimum {
    kUnique,      ///< up to a constant per prompt: every response beats every other, through others
    kNotUnique,   ///< some responses are not compared, even through others
    kAtInfinity,  ///< some responses are compared with others and never lose to them
};

struct Existence {
    Optimum optimum = Optimum::kUnique;
    std::string reason;  ///< which prompt and responses are in the way; empty if unique
    bool attained() const { return optimum != Optimum::kAtInfinity; }
};

Existence existence(const Comparisons& data);

/// The least response of the component of each (A): responses compared through others.
std::vector<Index> components(const Matrix& wins);

}  // namespace prefdyn
