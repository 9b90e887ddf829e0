#include "sim/lm/train/sequence_model.hpp"

#include <algorithm>

#include "sim/base/cancel.hpp"
#include "sim/lm/model/elementwise.hpp"

namespace prefdyn::finetune {

namespace {

template <class Real>
bool all_finite(const Rows<Real>& x) {
    bool all = true;
#pragma omp parallel for schedule(static) reduction(&& : all)
    for (Index t = 0; t < x.rows(); ++t) all = all && x.row(t).allFinite();
    return all;
}

template <class Real>
void require_finite(const Rows<Real>& x, const std::string& what, Index layer) {
    if (all_finite(x)) return;
    std::string place = what;
    if (layer >= 0) place.append(" layer ").append(std::to_string(layer));
    throw NonFinite(place + " not finite");
}

}  // namespace

template <class Real>
SequenceModel<Real>::SequenceModel(const ModelConfig& config, Index longest)
    : config_(config), ropes_(config, longest) {}

template <class Real>
Layer<Real> SequenceModel<Real>::layer(Index index) const {
    return {config_, layer_weights(*weights_, index), index, ropes_[index], batch_->sequences};
}

template <class Real>
void SequenceModel<Real>::look_up(Rows<Real>& x) const {
    const auto table = weights_->matrix(weights_->layout().embedding());
    x.resize(batch_->tokens(), config_.hidden);
    for (Index t = 0; t < x.rows(); ++t)
        x.row(t) = table.row(batch_->ids[static_cast<std::size_t>(t)]);
    if (config_.embedding_scale != 1.0) x *= static_cast<Real>(config_.embedding_scale);
    const int positions = weights_->layout().positions();
    if (positions < 0) return;
    for (const Prompt& s : batch_->sequences)
        x.middleRows(s.first, s.length) += weights_->matrix(positions).topRows(s.length);
}

/// Changes dx.
template <class Real>
void SequenceModel<Real>::look_up_backward(Rows<Real>& dx, Parameters<Real>& gradient) const {
    const int table = weights_->layout().embedding(), positions = weights_->layout().positions();
    if (gradient.has(positions))
        for (const Prompt& s : batch_->sequences)
            gradient.matrix(positions).topRows(s.length) += dx.middleRows(s.first, s.length);
    if (!gradient.has(table)) return;
    if (config_.embedding_scale != 1.0) dx *= static_cast<Real>(config_.embedding_scale);
    RowsMap<Real> rows = gradient.matrix(table);
    for (Index t = 0; t < dx.rows(); ++t)
        rows.row(batch_->ids[static_cast<std::size_t>(t)]) += dx.row(t);
}

template <class Real>
NormWeights<Real> SequenceModel<Real>::final_norm() const {
    const Layout& layout = weights_->layout();
    const int bias = layout.final_norm_bias();
    return {weights_->matrix(layout.final_norm()).data(),
            bias < 0 ? nullptr : weights_->matrix(bias).data(), config_.hidden};
}

/// The gradient in the head's products from that in the logits.
template <class Real>
Rows<Real> SequenceModel<Real>::through_cap(const Rows<Real>& dlogits) const {
    Rows<Real> out = static_cast<Real>(config_.logit_scale) * dlogits;
    if (config_.logit_cap > 0.0)
        out.array() *= Real(1) - (logits_.array() / static_cast<Real>(config_.logit_cap)).square();
    return out;
}

template <class Real>
const Rows<Real>& SequenceModel<Real>::forward(const Parameters<Real>& weights,
                                               const TokenBatch& batch, std::span<const Index> rows,
                                               Keep keep) {
    weights_ = &weights;
    batch_ = &batch;
    rows_.assign(rows.begin(), rows.end());
    keep_ = keep;
    tapes_.resize(keep == Keep::kNothing ? 1 : static_cast<std::size_t>(config_.layers));
    Rows<Real> x;
    look_up(x);
    for (Index i = 0; i < config_.layers; ++i) {
        stop_if_requested();
        LayerTape<Real>& tape = tapes_[keep == Keep::kNothing ? 0 : static_cast<std::size_t>(i)];
        tape.x = std::move(x);
        x = layer(i).forward(tape, keep);
        require_finite(x, "the hidden states behind", i);
    }
    const Layout& layout = weights.layout();
    last_.resize(static_cast<Index>(rows_.size()), config_.hidden);
    for (std::size_t r = 0; r < rows_.size(); ++r)
        last_.row(static_cast<Index>(r)) = x.row(rows_[r]);
    norm_forward(last_, final_norm(), config_.norm, embeddings_);
    linear_forward(embeddings_, weight_of(weights, layout.head()), logits_, Into::kSet);
    finish_logits(config_, logits_);
    require_finite(logits_, "the logits are", -1);
    return logits_;
}

template <class Real>
void SequenceModel<Real>::backward_layers(Rows<Real>& dx, Index lowest,
                                          Parameters<Real>& gradient) {
    for (Index i = config_.layers - 1; i >= std::max<Index>(lowest, 0); --i) {
        stop_if_requested();
        LayerTape<Real>& tape = tapes_[static_cast<std::size_t>(i)];
        const Layer<Real> one = layer(i);
        if (keep_ == Keep::kInputs) one.fill(tape);
        one.backward(tape, dx, gradient);
        require_finite(dx, "the gradient in front of", i);
        if (keep_ == Keep::kInputs) tape.drop_all_but_input();
    }
}

template <class Real>
void SequenceModel<Real>::backward(const Rows<Real>& all, Parameters<Real>& gradient) {
    if (keep_ == Keep::kNothing) throw std::logic_error("the forward pass kept nothing");
    const bool linear = config_.logit_scale == 1.0 && !(config_.logit_cap > 0.0);
    Rows<Real> scaled;
    if (!linear) scaled = through_cap(all);
    const Rows<Real>& dlogits = linear ? all : scaled;
    const Layout& layout = weights_->layout();
    const Index lowest = layout.lowest(gradient.chosen());
    if (gradient.has(layout.head()))
        backward_weight(dlogits, embeddings_, gradient.matrix(layout.head()));
    const int norm = layout.final_norm(), bias = layout.final_norm_bias();
    if (lowest == config_.layers && !gradient.has(norm) && !gradient.has(bias)) return;
    Rows<Real> dembeddings, dlast = Rows<Real>::Zero(last_.rows(), last_.cols());
    backward_input(dlogits, weight_of(*weights_, layout.head()), dembeddings, Into::kSet);
    const auto of = [&](int block) {
        return gradient.has(block) ? gradient.matrix(block).data() : nullptr;
    };
    norm_backward(last_, final_norm(), config_.norm, dembeddings, dlast, of(norm), of(bias));
    if (lowest == config_.layers) return;
    Rows<Real> dx = Rows<Real>::Zero(batch_->tokens(), config_.hidden);
    for (std::size_t r = 0; r < rows_.size(); ++r)
        dx.row(rows_[r]) += dlast.row(static_cast<Index>(r));
    backward_layers(dx, lowest, gradient);
    if (lowest < 0) look_up_backward(dx, gradient);
}

template <class Real>
std::size_t SequenceModel<Real>::bytes(const ModelConfig& c, Index tokens, Index rows, Keep keep) {
    const Index tape = columns_of<AttentionTape<Real>>(c) + columns_of<MlpTape<Real>>(c);
    const Index kept = keep == Keep::kAll      ? c.layers * tape
                       : keep == Keep::kInputs ? c.layers * c.hidden + tape
                                               : tape;
    // Memory that the MLP's slopes leave behind is not always what attention's fit into.
    const Index work =
        keep == Keep::kNothing
            ? std::max(columns_of<MlpWork<Real>>(c), columns_of<AttentionWork<Real>>(c))
            : columns_of<MlpSlopes<Real>>(c) + columns_of<AttentionSlopes<Real>>(c);
    const Index states = 2 * c.hidden;                   // x and its gradient
    const Index head = 2 * c.vocabulary + 4 * c.hidden;  // logits, what they come of, gradients
    return static_cast<std::size_t>(tokens * (kept + work + states) + rows * head) * sizeof(Real) +
           kPackedBytes;
}

template class SequenceModel<float>;
template class SequenceModel<double>;

}  // namespace prefdyn::finetune
