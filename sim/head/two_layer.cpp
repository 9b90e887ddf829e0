#include "sim/head/two_layer.hpp"

#include <cmath>

#include "sim/base/failure.hpp"
#include "sim/data/noise.hpp"

namespace prefdyn {

TwoLayerModel gaussian_model(Index hidden, Index dimension, double head_scale,
                             Activation activation, std::uint64_t seed) {
    TwoLayerModel out{RowMatrix(hidden, dimension), Vector(hidden), activation};
    Stream rows(seed, Purpose::kEmbedding, 0), head(seed, Purpose::kEmbedding, 1);
    fill_noise(NoiseSpec{}, rows, out.embedding.data(), out.embedding.size());
    fill_noise(NoiseSpec{}, head, out.head.data(), out.head.size());
    out.embedding /= std::sqrt(static_cast<double>(dimension));
    out.head *= head_scale / std::sqrt(static_cast<double>(hidden));
    return out;
}

RowMatrix embed(const TwoLayerModel& model, const RowMatrix& x) {
    RowMatrix g = x * model.embedding.transpose();
    if (model.activation != Activation::kIdentity)
        for (Index k = 0; k < g.size(); ++k) g.data()[k] = activate(model.activation, g.data()[k]);
    return g;
}

Vector scores(const TwoLayerModel& model, const RowMatrix& x) {
    if (model.activation == Activation::kIdentity)
        return x * (model.embedding.transpose() * model.head);
    return embed(model, x) * model.head;
}

void validate(const TwoLayerModel& model, Index dimension, const std::string& place) {
    const RowMatrix& E = model.embedding;
    if (E.rows() == 0 || E.cols() != dimension)
        throw InputError(place + ": embedding is " + std::to_string(E.rows()) + " x " +
                             std::to_string(E.cols()) + ", allowed is h x " +
                             std::to_string(dimension) + " with h >= 1",
                         "give E one column a feature of x");
    if (model.head.size() != E.rows())
        throw InputError(place + ": head has " + std::to_string(model.head.size()) +
                         " entries for " + std::to_string(E.rows()) + " rows of the embedding");
    if (!E.allFinite() || !model.head.allFinite())
        throw InputError(place + ": embedding or head is not finite", "drop NaN and infinity");
}

}  // namespace prefdyn
