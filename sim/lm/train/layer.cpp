#include "sim/lm/train/layer.hpp"

#include "sim/lm/train/elementwise.hpp"
#include "sim/lm/train/product.hpp"

namespace prefdyn::finetune {

template <class Real>
std::size_t LayerTape<Real>::bytes(const ModelConfig& c, Index tokens) {
    const Index row = 2 * c.hidden + 2 * (c.heads + c.kv_heads) * c.head_size + 2 * c.ffn;
    return static_cast<std::size_t>(row * tokens) * sizeof(Real);
}

template <class Real>
void LayerTape<Real>::keep_input_alone() {
    for (Rows<Real>* each : {&query, &key, &value, &mixed, &middle, &gate, &up}) *each = {};
}

template <class Real>
Layer<Real>::Layer(const ModelConfig& config, const Parameters<Real>& weights, Index layer,
                   const transformer::RopeTable& rope,
                   std::span<const transformer::Prompt> sequences)
    : c_(config),
      w_(weights),
      layout_(weights.layout()),
      layer_(layer),
      rope_(rope),
      sequences_(sequences),
      heads_{config.heads, config.kv_heads, config.head_size,
             config.window[static_cast<std::size_t>(layer)]},
      query_(linear(Part::kQuery, Part::kQueryBias)),
      key_(linear(Part::kKey, Part::kKeyBias)),
      value_(linear(Part::kValue, Part::kValueBias)),
      output_(linear(Part::kOutput, Part::kOutputBias)),
      gate_(linear(Part::kGate, Part::kGateBias)),
      up_(linear(Part::kUp, Part::kUpBias)),
      down_(linear(Part::kDown, Part::kDownBias)) {}

template <class Real>
typename Layer<Real>::Linear Layer<Real>::linear(Part weight, Part bias) const {
    return {part(weight), part(bias)};
}

template <class Real>
void Layer<Real>::normalise(const Rows<Real>& x, Part norm, Rows<Real>& y) const {
    norm_forward(x, w_.matrix(part(norm)), c_.norm_epsilon, y);
}

template <class Real>
void Layer<Real>::denormalise(const Rows<Real>& x, Part norm, const Rows<Real>& dy, Rows<Real>& dx,
                              Parameters<Real>& gradient) const {
    const int block = part(norm);
    if (!gradient.has(block))
        return norm_backward<Real>(x, w_.matrix(block), c_.norm_epsilon, dy, dx, nullptr);
    RowsMap<Real> dw = gradient.matrix(block);
    norm_backward(x, w_.matrix(block), c_.norm_epsilon, dy, dx, &dw);
}

/// y = x W^T + b.
template <class Real>
void Layer<Real>::apply(const Linear& map, const Rows<Real>& x, Rows<Real>& y) const {
    if (map.bias < 0) return set_forward(x, w_.matrix(map.weight), y);
    y.setZero(x.rows(), w_.matrix(map.weight).rows());
    apply_onto(map, x, y);
}

/// y += x W^T + b.
template <class Real>
void Layer<Real>::apply_onto(const Linear& map, const Rows<Real>& x, Rows<Real>& y) const {
    if (map.bias >= 0) y.rowwise() += w_.matrix(map.bias).row(0);
    add_forward(x, w_.matrix(map.weight), y);
}

/// dx = dy W.
template <class Real>
void Layer<Real>::pull(const Linear& map, const Rows<Real>& dy, Rows<Real>& dx) const {
    set_backward(dy, w_.matrix(map.weight), dx);
}

/// dx += dy W.
template <class Real>
void Layer<Real>::pull_onto(const Linear& map, const Rows<Real>& dy, Rows<Real>& dx) const {
    add_backward(dy, w_.matrix(map.weight), dx);
}

/// dW += dy^T x, db += the sum of the rows of dy.
template <class Real>
void Layer<Real>::push(const Linear& map, const Rows<Real>& dy, const Rows<Real>& x,
                       Parameters<Real>& gradient) const {
    if (gradient.has(map.weight)) add_gradient(dy, x, gradient.matrix(map.weight));
    if (gradient.has(map.bias)) add_row_sum(dy, gradient.matrix(map.bias));
}

template <class Real>
Rows<Real> Layer<Real>::forward(LayerTape<Real>& tape) const {
    Rows<Real> y, gated;  // (T, d), (T, f)
    normalise(tape.x, Part::kInputNorm, y);
    apply(query_, y, tape.query);
    apply(key_, y, tape.key);
    apply(value_, y, tape.value);
    rotate_forward(rope_, sequences_, tape.query);
    rotate_forward(rope_, sequences_, tape.key);
    attention_forward(heads_, sequences_, tape.query, tape.key, tape.value, tape.mixed);
    tape.middle = tape.x;
    apply_onto(output_, tape.mixed, tape.middle);
    normalise(tape.middle, Part::kPostNorm, y);
    apply(gate_, y, tape.gate);
    apply(up_, y, tape.up);
    gate_forward(tape.gate, tape.up, gated);
    Rows<Real> out = tape.middle;
    apply_onto(down_, gated, out);
    return out;
}

/// dx: from the gradient in x' to that in m.
template <class Real>
void Layer<Real>::mlp_half(const LayerTape<Real>& tape, Rows<Real>& dx,
                           Parameters<Real>& gradient) const {
    Rows<Real> gated, dgated, z, dz, dgate, dup;
    gate_forward(tape.gate, tape.up, gated);
    push(down_, dx, gated, gradient);
    pull(down_, dx, dgated);
    gate_backward(tape.gate, tape.up, dgated, dgate, dup);
    normalise(tape.middle, Part::kPostNorm, z);
    push(gate_, dgate, z, gradient);
    push(up_, dup, z, gradient);
    pull(gate_, dgate, dz);
    pull_onto(up_, dup, dz);
    denormalise(tape.middle, Part::kPostNorm, dz, dx, gradient);
}

/// dx: from the gradient in m to that in x.
template <class Real>
void Layer<Real>::attention_half(const LayerTape<Real>& tape, Rows<Real>& dx,
                                 Parameters<Real>& gradient) const {
    Rows<Real> dmixed, y, dy, dquery, dkey, dvalue;
    push(output_, dx, tape.mixed, gradient);
    pull(output_, dx, dmixed);
    attention_backward(heads_, sequences_, tape.query, tape.key, tape.value, dmixed, dquery, dkey,
                       dvalue);
    rotate_backward(rope_, sequences_, dquery);
    rotate_backward(rope_, sequences_, dkey);
    normalise(tape.x, Part::kInputNorm, y);
    push(query_, dquery, y, gradient);
    push(key_, dkey, y, gradient);
    push(value_, dvalue, y, gradient);
    pull(query_, dquery, dy);
    pull_onto(key_, dkey, dy);
    pull_onto(value_, dvalue, dy);
    denormalise(tape.x, Part::kInputNorm, dy, dx, gradient);
}

template <class Real>
void Layer<Real>::backward(const LayerTape<Real>& tape, Rows<Real>& dx,
                           Parameters<Real>& gradient) const {
    mlp_half(tape, dx, gradient);
    attention_half(tape, dx, gradient);
}

template struct LayerTape<float>;
template struct LayerTape<double>;
template class Layer<float>;
template class Layer<double>;

}  // namespace prefdyn::finetune
