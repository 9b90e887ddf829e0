#pragma once
// A policy with an embedding of its own: g(x) = act(E x), score a^T g(x), a = W^T (e_Y - e_N).

#include "sim/data/dataset.hpp"
#include "sim/head/activation.hpp"

namespace prefdyn {

struct TwoLayerModel {
    RowMatrix embedding;  ///< E (h, d)
    Vector head;          ///< a (h), the head difference
    Activation activation = Activation::kIdentity;
};

/// E with independent N(0, 1/d) entries, a with N(0, head_scale^2 / h); both functions of seed.
TwoLayerModel gaussian_model(Index hidden, Index dimension, double head_scale,
                             Activation activation, std::uint64_t seed);

RowMatrix embed(const TwoLayerModel& model, const RowMatrix& x);  ///< g(x) a row, (n, h)
Vector scores(const TwoLayerModel& model, const RowMatrix& x);    ///< a^T g(x), (n)

/// Throws InputError unless E has `dimension` columns, a one entry a row of E, all finite.
void validate(const TwoLayerModel& model, Index dimension, const std::string& place);

}  // namespace prefdyn
