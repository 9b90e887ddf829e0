#include "sim/lm/model/layer.hpp"

#include "sim/lm/model/elementwise.hpp"

namespace prefdyn::transformer {

template <class Real>
LayerWeights<Real> layer_weights(const Parameters<Real>& parameters, Index layer) {
    LayerWeights<Real> out;
    for (std::size_t p = 0; p < kParts; ++p) {
        const int block = parameters.layout().part(layer, static_cast<Part>(p));
        if (block >= 0) out.parts[p] = weight_of(parameters, block);
    }
    return out;
}

template <class Real>
Layer<Real>::Layer(const ModelConfig& config, const LayerWeights<Real>& weights, Index layer,
                   const RopeTable& rope, std::span<const Prompt> sequences)
    : c_(config),
      w_(weights),
      layer_(layer),
      rope_(rope),
      sequences_(sequences),
      heads_{config.heads, config.kv_heads, config.head_size,
             config.window[static_cast<std::size_t>(layer)]} {}

template <class Real>
void Layer<Real>::normalise(const Rows<Real>& x, Part norm, Rows<Real>& y) const {
    norm_forward(x, w_[norm].data, c_.norm_epsilon, y);
}

/// dx += dy through the norm of x.
template <class Real>
void Layer<Real>::normalise_backward(const Rows<Real>& x, Part norm, const Rows<Real>& dy,
                                     Rows<Real>& dx, Parameters<Real>& gradient) const {
    const int block = gradient.layout().part(layer_, norm);
    Real* dw = gradient.has(block) ? gradient.matrix(block).data() : nullptr;
    norm_backward(x, w_[norm].data, c_.norm_epsilon, dy, dx, dw);
}

/// y = or += x W^T + b.
template <class Real>
void Layer<Real>::project(Part projection, const Rows<Real>& x, Rows<Real>& y, Into into) const {
    linear_forward(x, w_[projection], y, into);
    const Weight<Real>& bias = w_[bias_of(projection)];
    if (bias.present()) y.rowwise() += ConstRows<Real>(bias.data, 1, bias.cols).row(0);
}

/// dx = or += dy W,  dW += dy^T x,  db += the sum of the rows of dy.
template <class Real>
void Layer<Real>::project_backward(Part projection, const Rows<Real>& dy, const Rows<Real>& x,
                                   Rows<Real>& dx, Into into, Parameters<Real>& gradient) const {
    const int weight = gradient.layout().part(layer_, projection);
    const int bias = gradient.layout().part(layer_, bias_of(projection));
    if (gradient.has(weight)) backward_weight(dy, x, gradient.matrix(weight));
    if (gradient.has(bias)) backward_bias(dy, gradient.matrix(bias));
    backward_input(dy, w_[projection], dx, into);
}

/// From x to m.
template <class Real>
void Layer<Real>::attention(LayerTape<Real>& tape) const {
    allocate<AttentionTape<Real>>(tape, c_, tape.x.rows());
    Rows<Real> y;  // (T, d)
    normalise(tape.x, Part::kInputNorm, y);
    project(Part::kQuery, y, tape.query, Into::kSet);
    project(Part::kKey, y, tape.key, Into::kSet);
    project(Part::kValue, y, tape.value, Into::kSet);
    rotate_forward(rope_, sequences_, tape.query);
    rotate_forward(rope_, sequences_, tape.key);
    attention_forward(heads_, sequences_, tape.query, tape.key, tape.value, tape.mixed);
    tape.middle = tape.x;
    project(Part::kOutput, tape.mixed, tape.middle, Into::kAdd);
}

template <class Real>
void Layer<Real>::gate_and_up(LayerTape<Real>& tape, Rows<Real>& z) const {
    allocate<MlpTape<Real>>(tape, c_, tape.middle.rows());
    normalise(tape.middle, Part::kPostNorm, z);
    project(Part::kGate, z, tape.gate, Into::kSet);
    project(Part::kUp, z, tape.up, Into::kSet);
}

template <class Real>
void Layer<Real>::fill(LayerTape<Real>& tape) const {
    attention(tape);
    Rows<Real> z;  // (T, d)
    gate_and_up(tape, z);
}

template <class Real>
Rows<Real> Layer<Real>::forward(LayerTape<Real>& tape, Keep keep) const {
    const auto drop = [&](bool now, std::initializer_list<Rows<Real>*> parts) {
        if (!now) return;
        for (Rows<Real>* each : parts) each->resize(0, 0);
    };
    attention(tape);
    drop(keep != Keep::kAll, {&tape.query, &tape.key, &tape.value, &tape.mixed});
    drop(keep == Keep::kNothing, {&tape.x});
    MlpWork<Real> work;
    allocate(work, c_, tape.middle.rows());
    gate_and_up(tape, work.normed);
    gate_forward(tape.gate, tape.up, work.gated);
    Rows<Real> out;  // (T, d)
    drop(keep != Keep::kAll, {&tape.gate, &tape.up});
    if (keep == Keep::kAll)
        out = tape.middle;
    else
        out.swap(tape.middle);
    project(Part::kDown, work.gated, out, Into::kAdd);
    return out;
}

/// dx: from the gradient in x' to that in m.
template <class Real>
void Layer<Real>::mlp_gradient(const LayerTape<Real>& tape, Rows<Real>& dx,
                               Parameters<Real>& gradient) const {
    MlpSlopes<Real> s;
    allocate(s, c_, dx.rows());
    gate_forward(tape.gate, tape.up, s.gated);
    project_backward(Part::kDown, dx, s.gated, s.dgated, Into::kSet, gradient);
    gate_backward(tape.gate, tape.up, s.dgated, s.dgate, s.dup);
    normalise(tape.middle, Part::kPostNorm, s.z);
    project_backward(Part::kGate, s.dgate, s.z, s.dz, Into::kSet, gradient);
    project_backward(Part::kUp, s.dup, s.z, s.dz, Into::kAdd, gradient);
    normalise_backward(tape.middle, Part::kPostNorm, s.dz, dx, gradient);
}

/// dx: from the gradient in m to that in x.
template <class Real>
void Layer<Real>::attention_gradient(const LayerTape<Real>& tape, Rows<Real>& dx,
                                     Parameters<Real>& gradient) const {
    AttentionSlopes<Real> s;
    allocate(s, c_, dx.rows());
    project_backward(Part::kOutput, dx, tape.mixed, s.dmixed, Into::kSet, gradient);
    attention_backward(heads_, sequences_, tape.query, tape.key, tape.value, s.dmixed, s.dquery,
                       s.dkey, s.dvalue);
    rotate_backward(rope_, sequences_, s.dquery);
    rotate_backward(rope_, sequences_, s.dkey);
    normalise(tape.x, Part::kInputNorm, s.y);
    project_backward(Part::kQuery, s.dquery, s.y, s.dy, Into::kSet, gradient);
    project_backward(Part::kKey, s.dkey, s.y, s.dy, Into::kAdd, gradient);
    project_backward(Part::kValue, s.dvalue, s.y, s.dy, Into::kAdd, gradient);
    normalise_backward(tape.x, Part::kInputNorm, s.dy, dx, gradient);
}

template <class Real>
void Layer<Real>::backward(const LayerTape<Real>& tape, Rows<Real>& dx,
                           Parameters<Real>& gradient) const {
    mlp_gradient(tape, dx, gradient);
    attention_gradient(tape, dx, gradient);
}

#define PREFDYN_INSTANTIATE(Real)                                              \
    template LayerWeights<Real> layer_weights(const Parameters<Real>&, Index); \
    template class Layer<Real>;
PREFDYN_INSTANTIATE(float)
PREFDYN_INSTANTIATE(double)
#undef PREFDYN_INSTANTIATE

}  // namespace prefdyn::transformer
