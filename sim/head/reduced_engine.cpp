#include "sim/head/reduced_engine.hpp"

#include <cmath>
#include <sstream>
#include <type_traits>

#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"
#include "sim/head/margin_rows.hpp"
#include "sim/loss/sorted_margins.hpp"

namespace prefdyn {

namespace {

const MarginLoss& require_margin_loss(const PreferenceLoss& loss) {
    if (const MarginLoss* phi = loss.margin()) return *phi;
    throw InputError("engine reduced: the loss " + std::string(loss.name()) +
                         " is not a function of the reward margin, so every row of the head moves",
                     "--engine dense trains the whole head");
}

}  // namespace

Rows<float> single_precision(const RowMatrix& features, const std::string& place) {
    Rows<float> out = features.cast<float>();
    if (out.allFinite()) return out;
    for (Index i = 0; i < out.rows(); ++i)
        for (Index j = 0; j < out.cols(); ++j)
            if (!std::isfinite(out(i, j))) {
                std::ostringstream message;
                message << place << ": features[" << i << ", " << j << "] = " << features(i, j)
                        << " does not fit single precision";
                throw InputError(message.str(), "use --engine reduced");
            }
    return out;
}

template <class Scalar>
BasicReducedEngine<Scalar>::BasicReducedEngine(const PreferenceTask& task)
    : task_(task),
      loss_(require_margin_loss(*task.loss)),
      sorts_(loss_.facts().form == LossForm::kSorted),
      reference_(task.reference
                     ? *task.reference
                     : std::array{reference_logits(task.policy, task.train.features),
                                  reference_logits(task.policy, task.held_out.features)}) {
    for (std::size_t split = 0; split < 2; ++split) {
        const ReferenceLogits& z0 = reference_[split];
        normaliser_[split].resize(z0.yes.size());
        for (Index i = 0; i < z0.yes.size(); ++i)
            normaliser_[split](i) = logaddexp(z0.rest(i), logaddexp(z0.yes(i), z0.no(i)));
    }
    for (const Split split : {Split::kTrain, Split::kHeldOut}) {
        const auto& label = data(split).label;
        sign_[static_cast<int>(split)] =
            Eigen::Map<const Eigen::Matrix<std::int8_t, Eigen::Dynamic, 1>>(
                label.data(), static_cast<Index>(label.size()))
                .cast<double>();
    }
    if constexpr (std::is_same_v<Scalar, float>) {
        copy_[0] = single_precision(task.train.features, "training features");
        copy_[1] = single_precision(task.held_out.features, "held-out features");
    }
    if (sorts_) return;
    for (const Split split : {Split::kTrain, Split::kHeldOut})
        device_[static_cast<int>(split)] = make_head_device(features(split), data(split).label,
                                                            task.policy.beta, loss_, task.device);
}

template <class Scalar>
const Rows<Scalar>& BasicReducedEngine<Scalar>::features(Split split) const {
    if constexpr (std::is_same_v<Scalar, double>)
        return data(split).features;
    else
        return copy_[static_cast<int>(split)];
}

template <class Scalar>
double BasicReducedEngine<Scalar>::descent(const Vector& theta, std::span<const Index> rows,
                                           Vector& direction) const {
    if (sorts_) return matched_descent(theta, rows, direction);
    if (device_[0]) return device_[0]->pass(theta, rows, direction, nullptr);
    const BasicMarginPass<Scalar> pass{features(Split::kTrain), task_.train.label, loss_,
                                       task_.policy.beta, rows};
    return margin_pass(pass, theta, direction, nullptr);
}

template <class Scalar>
void BasicReducedEngine<Scalar>::descend(const Vector& theta, std::span<const Index> rows,
                                         Vector& direction) const {
    if (sorts_ || device_[0]) {
        descent(theta, rows, direction);
        return;
    }
    const BasicMarginPass<Scalar> pass{features(Split::kTrain), task_.train.label, loss_,
                                       task_.policy.beta, rows};
    descent_pass(pass, theta, direction, nullptr);
}

/// Whether one evaluation is faster on the device, although the results have to come back.
template <class Scalar>
bool BasicReducedEngine<Scalar>::worth_a_launch(Split split) const {
    constexpr Index kElements = Index{1} << 18;
    return device_[static_cast<int>(split)] && data(split).features.size() >= kElements;
}

template <class Scalar>
void BasicReducedEngine<Scalar>::margins(Split split, const Vector& theta, double* out) const {
    if (worth_a_launch(split)) return device_[static_cast<int>(split)]->margins(theta, out);
    margins_only(features(split), data(split).label, task_.policy.beta, theta, out);
}

template <class Scalar>
void BasicReducedEngine<Scalar>::evaluate(const Vector& theta, Split split, Responses& out,
                                          Vector* direction) const {
    const Dataset& set = data(split);
    const bool descend = direction && split == Split::kTrain;
    out.margin.resize(set.samples());
    out.matched.resize(0);
    if (descend && worth_a_launch(split)) {
        device_[0]->pass(theta, {}, *direction, out.margin.data());
    } else if (descend && !sorts_) {
        const BasicMarginPass<Scalar> pass{
            features(split), set.label, loss_, task_.policy.beta, {}};
        descent_pass(pass, theta, *direction, out.margin.data());
    } else {
        margins(split, theta, out.margin.data());
    }
    if (sorts_) {
        out.matched =
            match_by_rank(out.margin, reference_differences(split, {}), task_.policy.beta);
        if (descend) matched_descent(theta, {}, *direction);
    }
    log_probabilities(split, out);
}

/// log pi_{W_0}(y_w) - log pi_{W_0}(y_l) of the batch.
template <class Scalar>
Vector BasicReducedEngine<Scalar>::reference_differences(Split split,
                                                         std::span<const Index> rows) const {
    const ReferenceLogits& z0 = reference_[static_cast<std::size_t>(split)];
    const auto& label = data(split).label;
    Vector out(rows.empty() ? z0.yes.size() : static_cast<Index>(rows.size()));
    for (Index b = 0; b < out.size(); ++b) {
        const Index i = rows.empty() ? b : rows[static_cast<std::size_t>(b)];
        out(b) = label[static_cast<std::size_t>(i)] * (z0.yes(i) - z0.no(i));
    }
    return out;
}

/// Two passes, since every row's slope depends on the ranks of the whole batch.
template <class Scalar>
double BasicReducedEngine<Scalar>::matched_descent(const Vector& theta, std::span<const Index> rows,
                                                   Vector& direction) const {
    const Dataset& set = task_.train;
    Vector all(set.samples());
    margins_only(features(Split::kTrain), set.label, task_.policy.beta, theta, all.data());
    Vector margin = all;
    if (!rows.empty()) {
        margin.resize(static_cast<Index>(rows.size()));
        for (std::size_t b = 0; b < rows.size(); ++b) margin(static_cast<Index>(b)) = all(rows[b]);
    }
    margin = match_by_rank(margin, reference_differences(Split::kTrain, rows), task_.policy.beta);
    double loss = 0.0;
    direction = Vector::Zero(size());
    for (Index b = 0; b < margin.size(); ++b) {
        const Index i = rows.empty() ? b : rows[static_cast<std::size_t>(b)];
        loss += loss_.value(margin(b));
        direction -= loss_.derivative(margin(b)) * set.label[static_cast<std::size_t>(i)] *
                     features(Split::kTrain).row(i).transpose().template cast<double>();
    }
    const double batch = static_cast<double>(margin.size());
    direction *= task_.policy.beta / batch;
    return loss / batch;
}

template <class Scalar>
void BasicReducedEngine<Scalar>::log_probabilities(Split split, Responses& out) const {
    const auto at = static_cast<std::size_t>(split);
    const ReferenceLogits& z0 = reference_[at];
    const Index n = data(split).samples();
    for (Vector* column :
         {&out.logp_chosen, &out.logp_rejected, &out.reward_chosen, &out.reward_rejected})
        column->resize(n);
    const PromptColumns prompts{z0.yes.data(),          z0.no.data(),     z0.rest.data(),
                                normaliser_[at].data(), sign_[at].data(), task_.policy.beta};
    response_rows().from_margins(prompts, out.margin.data(), n,
                                 {out.logp_chosen.data(), out.logp_rejected.data(),
                                  out.reward_chosen.data(), out.reward_rejected.data()});
}

template <class Scalar>
double BasicReducedEngine<Scalar>::frobenius(const Vector& flat) const {
    return std::sqrt(2.0) * flat.stableNorm();
}

/// A device, and margins matched by rank, sum the rows in an order of their own.
template <class Scalar>
Roundings BasicReducedEngine<Scalar>::roundings() const {
    const Index n = task_.train.samples(), d = size();
    const bool own_order = sorts_ || device_[0];
    return {.beta = task_.policy.beta,
            .inner = own_order ? static_cast<double>(d) + 6.0 : margin_roundings(d),
            .outer = own_order ? static_cast<double>(n) + 4.0 : sum_roundings(n, d),
            .tokens = static_cast<double>(task_.policy.vocabulary),
            .reference_logit = reference_logit_error(task_.policy)};
}

template <class Scalar>
HeadNorms BasicReducedEngine<Scalar>::change(const Vector& theta) const {
    const double norm = frobenius(theta);
    return {norm, norm};
}

template class BasicReducedEngine<double>;
template class BasicReducedEngine<float>;

}  // namespace prefdyn
