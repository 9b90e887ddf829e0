#include "theory/two_layer.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/numerics.hpp"

namespace prefdyn::theory {

namespace {

double sign(const Dataset& data, Index i) { return data.label[static_cast<std::size_t>(i)]; }

/// What one prompt adds: g(x) and act'(E x) o a, both (h).
struct Layer {
    Vector g, pull;
};

Layer layer_at(const TwoLayerModel& model, const Vector& x) {
    const Index h = model.embedding.rows();
    Layer out{Vector(h), Vector(h)};
    for (Index k = 0; k < h; ++k) {
        const double z = model.embedding.row(k).dot(x);
        out.g(k) = activate(model.activation, z);
        out.pull(k) = activation_slope(model.activation, z) * model.head(k);
    }
    return out;
}

RowMatrix embedded(const Dataset& data, const TwoLayerModel& model) {
    RowMatrix g(data.samples(), model.embedding.rows());
    for (Index i = 0; i < data.samples(); ++i)
        g.row(i) = layer_at(model, data.features.row(i).transpose()).g.transpose();
    return g;
}

double noise_floor_squared(const RowMatrix& g, const Dataset& data, const MeanStatistics& means) {
    double plus = 0.0, minus = 0.0;
    for (Index i = 0; i < g.rows(); ++i) {
        const bool yes = sign(data, i) > 0.0;
        (yes ? plus : minus) +=
            (g.row(i).transpose() - (yes ? means.mean_plus : means.mean_minus)).squaredNorm();
    }
    const double p = static_cast<double>(means.n_plus), m = static_cast<double>(means.n_minus);
    return plus / ((p - 1.0) * p) + minus / ((m - 1.0) * m);
}

MeanStatistics statistics_of(const RowMatrix& g, const Dataset& data) {
    Dataset embedded_data;
    embedded_data.features = g;
    embedded_data.label = data.label;
    return mean_statistics(embedded_data);
}

}  // namespace

TwoLayerFacts two_layer_facts(const Dataset& data, const TwoLayerModel& start) {
    TwoLayerFacts out;
    out.activation = start.activation;
    const double n = static_cast<double>(data.samples());
    RowMatrix g(data.samples(), start.embedding.rows());
    Matrix jacobian = Matrix::Zero(start.embedding.rows(), data.dimension());
    for (Index i = 0; i < data.samples(); ++i) {
        const Vector x = data.features.row(i).transpose();
        const Layer layer = layer_at(start, x);
        g.row(i) = layer.g.transpose();
        jacobian.noalias() += sign(data, i) / n * layer.pull * x.transpose();
        out.mean_square_embedding += layer.g.squaredNorm() / n;
        out.mean_square_jacobian += layer.pull.squaredNorm() * x.squaredNorm() / n;
        const double score = start.head.dot(layer.g);
        out.mean_square_score += score * score / n;
    }
    const MeanStatistics means = statistics_of(g, data);
    const double squared = means.distinguishability * means.distinguishability;
    const double debiased = squared - noise_floor_squared(g, data, means);
    out.distinguishability = means.distinguishability;
    out.distinguishability_debiased =
        std::isnan(debiased) ? debiased : std::sqrt(std::max(0.0, debiased));
    out.signed_mean_squared = means.zbar.squaredNorm();
    out.jacobian_squared = jacobian.squaredNorm();
    out.zbar_x_norm = mean_statistics(data).zbar_norm;
    out.roundings =
        static_cast<double>(data.samples() + data.dimension() + start.embedding.rows()) + 16.0;
    out.x_size = std::sqrt(data.features.squaredNorm() / n);
    out.head_norm = start.head.norm();
    out.embedding_norm = start.embedding.norm();
    if (start.activation == Activation::kIdentity) out.growth = embedding_growth(data, start);
    return out;
}

double gauss_newton_scale(const Dataset& data, const TwoLayerModel& model, double beta) {
    const double n = static_cast<double>(data.samples());
    const double slope = model.activation == Activation::kGelu ? 1.13 : 1.0;
    return 0.25 * beta * beta *
           (2.0 * gram_norm(embedded(data, model), n) +
            slope * slope * model.head.squaredNorm() * gram_norm(data.features, n));
}

std::vector<TwoLayerStep> two_layer_steps(const Dataset& data, const TwoLayerModel& reference,
                                          std::span<const TwoLayerModel> models, double beta) {
    const MeanStatistics means = mean_statistics(data);
    const Vector delta = means.mean_plus - means.mean_minus;
    const double n = static_cast<double>(data.samples());
    const double x_size = std::sqrt(means.mean_square);
    const Vector old_pull = reference.embedding.transpose() * reference.head;
    Matrix drift = Matrix::Zero(models.front().head.size(), models.front().head.size());
    double parameters = 0.0;
    std::vector<TwoLayerStep> out;
    for (const TwoLayerModel& model : models) {
        const Vector pull = model.embedding.transpose() * model.head;
        Vector q = Vector::Zero(data.dimension());
        double largest = 0.0;
        for (Index i = 0; i < data.samples(); ++i) {
            const double s = sign(data, i);
            const double margin = beta * s * data.features.row(i).dot(pull - old_pull);
            q += sigmoid(-margin) * s / n * data.features.row(i).transpose();
            largest = std::max(largest, std::fabs(margin));
        }
        const double size = model.embedding.norm() + model.head.norm();
        parameters += size * size * (1.0 + largest);
        out.push_back({static_cast<double>(out.size()), (model.embedding * delta).norm(),
                       q.dot(delta) * pull.dot(delta), drift.stableNorm(),
                       drift.diagonal().stableNorm(), parameters,
                       x_size * delta.squaredNorm() * model.head.norm() * model.embedding.norm()});
        const Vector eq = model.embedding * q;
        drift += q.squaredNorm() * model.head * model.head.transpose() - 2.0 * eq * eq.transpose();
    }
    return out;
}

}  // namespace prefdyn::theory
