// What TwoLayerEngine::observe measures.
#include <array>
#include <cmath>

#include "sim/head/two_layer_engine.hpp"

namespace prefdyn {

/// Of g(x), by class.
struct TwoLayerEngine::ClassMeans {
    Vector plus, minus;
    double noise_floor_squared;
};

TwoLayerEngine::ClassMeans TwoLayerEngine::class_means(const TwoLayerModel& model) const {
    const RowMatrix& E = model.embedding;
    if (model.activation == Activation::kIdentity)
        return {E * class_mean_.row(0).transpose(), E * class_mean_.row(1).transpose(),
                (E * noise_of_mean_).cwiseProduct(E).sum()};
    const RowMatrix g = embed(model, task_.train.features);
    ClassMeans out{Vector::Zero(hidden_), Vector::Zero(hidden_), 0.0};
    const auto& label = task_.train.label;
    for (Index i = 0; i < g.rows(); ++i)
        (label[static_cast<std::size_t>(i)] > 0 ? out.plus : out.minus) += g.row(i).transpose();
    const double plus = static_cast<double>(task_.train.count(+1));
    const double minus = static_cast<double>(task_.train.count(-1));
    out.plus /= plus;
    out.minus /= minus;
    double spread_plus = 0.0, spread_minus = 0.0;
    for (Index i = 0; i < g.rows(); ++i) {
        const bool yes = label[static_cast<std::size_t>(i)] > 0;
        (yes ? spread_plus : spread_minus) +=
            (g.row(i).transpose() - (yes ? out.plus : out.minus)).squaredNorm();
    }
    out.noise_floor_squared =
        spread_plus / ((plus - 1.0) * plus) + spread_minus / ((minus - 1.0) * minus);
    return out;
}

/// For delta = mu_+ - mu_- and for zbar_x; the direction w' = E q would hide q, so it is summed
/// here.
std::array<double, 2> TwoLayerEngine::sign_conditions(const TwoLayerModel& model) const {
    if (model.activation != Activation::kIdentity) return {kNan, kNan};
    const Dataset& set = task_.train;
    const double n = static_cast<double>(set.samples());
    const Vector score = scores(model, set.features);
    Vector weight(set.samples()), label(set.samples());
    for (Index i = 0; i < set.samples(); ++i) {
        label(i) = set.label[static_cast<std::size_t>(i)];
        weight(i) = -label(i) *
                    loss_.derivative(task_.policy.beta * label(i) * (score(i) - reference_[0](i)));
    }
    const Vector q = set.features.transpose() * weight / n;
    const Vector zbar = set.features.transpose() * label / n;
    const Vector delta = (class_mean_.row(0) - class_mean_.row(1)).transpose();
    const Vector pull = model.embedding.transpose() * model.head;  // E^T a
    return {q.dot(delta) * pull.dot(delta), q.dot(zbar) * pull.dot(zbar)};
}

std::vector<double> TwoLayerEngine::observe(const Vector& theta) const {
    const TwoLayerModel now = model(theta);
    const TwoLayerModel& start = spec_.start;
    const ClassMeans means = class_means(now);
    const double n = static_cast<double>(task_.train.samples());
    const double squared = (means.plus - means.minus).squaredNorm();
    const Matrix drift =
        now.embedding * now.embedding.transpose() - start.embedding * start.embedding.transpose() -
        0.5 * (now.head * now.head.transpose() - start.head * start.head.transpose());
    const auto conditions = sign_conditions(now);
    std::vector<double> out(kObservedCount);
    out[kObservedD] = std::sqrt(squared);
    const double debiased = squared - means.noise_floor_squared;
    out[kObservedDebiased] = std::isnan(debiased) ? debiased : std::sqrt(std::max(0.0, debiased));
    out[kObservedZbar] = (static_cast<double>(task_.train.count(+1)) / n * means.plus -
                          static_cast<double>(task_.train.count(-1)) / n * means.minus)
                             .norm();
    out[kObservedHead] = now.head.norm();
    out[kObservedEmbedding] = now.embedding.norm();
    out[kObservedChange] = (now.embedding - start.embedding).norm();
    out[kObservedBalance] = drift.stableNorm();
    out[kObservedUnitBalance] = drift.diagonal().stableNorm();
    out[kObservedCondition] = conditions[0];
    out[kObservedConditionZbar] = conditions[1];
    if (spec_.keep_parameters) {
        out.insert(out.end(), now.embedding.data(), now.embedding.data() + now.embedding.size());
        out.insert(out.end(), now.head.begin(), now.head.end());
    }
    return out;
}

TwoLayerModel kept_model(const std::vector<double>& observed, const TwoLayerModel& like) {
    const double* first = observed.data() + kObservedCount;
    const Index h = like.embedding.rows(), d = like.embedding.cols();
    return {Eigen::Map<const RowMatrix>(first, h, d), Eigen::Map<const Vector>(first + h * d, h),
            like.activation};
}

}  // namespace prefdyn
