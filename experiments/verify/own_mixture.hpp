#pragma once
#include <string>

#include "sim/data/mixture.hpp"

namespace prefdyn {

/// The behaviours of `verify --gram "16, 8; 8, 9" --weights "0.3, 0.7"`: delta_j . delta_k in
/// feature units squared, rows apart by semicolons, numbers by commas; shares of the samples, equal
/// ones if `weights` is empty. Throws InputError for what is not a number, rows of unequal length,
/// a matrix that is no Gram matrix, weights that do not go with it.
MixtureSpec own_mixture(const std::string& gram, const std::string& weights);

}  // namespace prefdyn
