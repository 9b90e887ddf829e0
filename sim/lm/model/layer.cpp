#include "sim/lm/model/layer.hpp"

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

LayerRopes::LayerRopes(const ModelConfig& config, Index positions) {
    for (const RopeSpec& spec : config.ropes)
        tables_.emplace_back(spec, config.head_size, positions);
    of_layer_ = config.rope_of_layer;
    of_layer_.resize(static_cast<std::size_t>(config.layers), 0);
}

template <class Real>
Layer<Real>::Layer(const ModelConfig& config, const LayerWeights<Real>& weights, Index layer,
                   const RopeTable* rope, std::span<const Prompt> sequences)
    : c_(config),
      w_(weights),
      layer_(layer),
      rope_(rope),
      sequences_(sequences),
      heads_{config.heads,           config.kv_heads,
             config.head_size,       config.window[static_cast<std::size_t>(layer)],
             config.attention_scale, config.attention_cap} {}

template <class Real>
NormWeights<Real> Layer<Real>::norm_weights(Part norm) const {
    return {w_[norm].data, w_[bias_of(norm)].data, w_[norm].cols};
}

/// y = x where there is no such norm.
template <class Real>
void Layer<Real>::normalise(const Rows<Real>& x, Part norm, Rows<Real>& y) const {
    if (w_[norm].present())
        norm_forward(x, norm_weights(norm), c_.norm, y);
    else
        y = x;
}

/// dx += dy through the norm of x.
template <class Real>
void Layer<Real>::normalise_backward(const Rows<Real>& x, Part norm, const Rows<Real>& dy,
                                     Rows<Real>& dx, Parameters<Real>& gradient) const {
    if (!w_[norm].present()) {
        dx += dy;
        return;
    }
    const auto of = [&](int block) {
        return gradient.has(block) ? gradient.matrix(block).data() : nullptr;
    };
    norm_backward(x, norm_weights(norm), c_.norm, dy, dx, of(gradient.layout().part(layer_, norm)),
                  of(gradient.layout().part(layer_, bias_of(norm))));
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

/// out += s norm(W x + b). `plain` becomes W x + b where there is a norm.
template <class Real>
void Layer<Real>::add_branch(Part projection, Part norm, const Rows<Real>& x, Rows<Real>& plain,
                             Rows<Real>& out) const {
    if (!c_.norms_after && c_.residual_scale == 1.0) return project(projection, x, out, Into::kAdd);
    Rows<Real> branch;  // (T, d)
    project(projection, x, c_.norms_after ? plain : branch, Into::kSet);
    if (c_.norms_after) normalise(plain, norm, branch);
    out += static_cast<Real>(c_.residual_scale) * branch;
}

/// dx from dout, the gradient in what the branch is added to.
template <class Real>
void Layer<Real>::branch_backward(Part projection, Part norm, const Rows<Real>& dout,
                                  const Rows<Real>& x, const Rows<Real>& plain, Rows<Real>& dx,
                                  Parameters<Real>& gradient) const {
    if (!c_.norms_after && c_.residual_scale == 1.0)
        return project_backward(projection, dout, x, dx, Into::kSet, gradient);
    Rows<Real> dbranch = static_cast<Real>(c_.residual_scale) * dout;
    if (c_.norms_after) {
        Rows<Real> dplain = Rows<Real>::Zero(dout.rows(), dout.cols());
        normalise_backward(plain, norm, dbranch, dplain, gradient);
        dbranch.swap(dplain);
    }
    project_backward(projection, dbranch, x, dx, Into::kSet, gradient);
}

namespace {

/// Calls piece(parts, column of it, column of the one weight, columns) for all stretches of queries
/// (0), keys (1) and values (2).
template <class Piece>
void each_stretch(const ModelConfig& c, Piece piece) {
    const Index q = c.query_columns(), kv = c.key_columns(), h = c.head_size;
    if (c.qkv == Qkv::kStacked) {
        piece(0, 0, 0, q);
        piece(1, 0, q, kv);
        piece(2, 0, q + kv, kv);
        return;
    }
    for (Index head = 0; head < c.heads; ++head)
        for (Index which = 0; which < 3; ++which) piece(which, head * h, (3 * head + which) * h, h);
}

}  // namespace

/// From y, the input of attention, to queries, keys and values that are not normed or rotated.
template <class Real>
void Layer<Real>::queries_keys_values(const Rows<Real>& y, LayerTape<Real>& tape) const {
    if (c_.qkv == Qkv::kApart) {
        project(Part::kQuery, y, tape.query, Into::kSet);
        project(Part::kKey, y, tape.key, Into::kSet);
        project(Part::kValue, y, tape.value, Into::kSet);
        return;
    }
    Rows<Real> all;  // (T, (H + 2 K) h)
    project(Part::kQkv, y, all, Into::kSet);
    Rows<Real>* parts[] = {&tape.query, &tape.key, &tape.value};
    each_stretch(c_, [&](Index which, Index to, Index from, Index columns) {
        parts[which]->middleCols(to, columns) = all.middleCols(from, columns);
    });
}

/// From dquery, dkey and dvalue to dy.
template <class Real>
void Layer<Real>::queries_keys_values_backward(const LayerTape<Real>& tape,
                                               AttentionSlopes<Real>& s,
                                               Parameters<Real>& gradient) const {
    normalise(tape.x, Part::kInputNorm, s.y);
    if (c_.qkv == Qkv::kApart) {
        project_backward(Part::kQuery, s.dquery, s.y, s.dy, Into::kSet, gradient);
        project_backward(Part::kKey, s.dkey, s.y, s.dy, Into::kAdd, gradient);
        project_backward(Part::kValue, s.dvalue, s.y, s.dy, Into::kAdd, gradient);
        return;
    }
    const Rows<Real>* parts[] = {&s.dquery, &s.dkey, &s.dvalue};
    each_stretch(c_, [&](Index which, Index from, Index to, Index columns) {
        s.dqkv.middleCols(to, columns) = parts[which]->middleCols(from, columns);
    });
    project_backward(Part::kQkv, s.dqkv, s.y, s.dy, Into::kSet, gradient);
}

template <class Real>
void Layer<Real>::rotate_normed(LayerTape<Real>& tape) const {
    if (c_.query_key_norm != QueryKeyNorm::kNone) {
        tape.plain_query.swap(tape.query);
        tape.plain_key.swap(tape.key);
        normalise(tape.plain_query, Part::kQueryNorm, tape.query);
        normalise(tape.plain_key, Part::kKeyNorm, tape.key);
    }
    if (!rope_) return;
    rotate_forward(*rope_, sequences_, tape.query);
    rotate_forward(*rope_, sequences_, tape.key);
}

/// From dquery and dkey as attention sees them to those of the projections.
template <class Real>
void Layer<Real>::rotate_normed_backward(const LayerTape<Real>& tape, AttentionSlopes<Real>& s,
                                         Parameters<Real>& gradient) const {
    if (rope_) {
        rotate_backward(*rope_, sequences_, s.dquery);
        rotate_backward(*rope_, sequences_, s.dkey);
    }
    if (c_.query_key_norm == QueryKeyNorm::kNone) return;
    const auto through = [&](const Rows<Real>& plain, Part norm, Rows<Real>& slope) {
        s.dplain.setZero(plain.rows(), plain.cols());
        normalise_backward(plain, norm, slope, s.dplain, gradient);
        s.dplain.swap(slope);
    };
    through(tape.plain_query, Part::kQueryNorm, s.dquery);
    through(tape.plain_key, Part::kKeyNorm, s.dkey);
}

/// From x to m.
template <class Real>
void Layer<Real>::attention(LayerTape<Real>& tape) const {
    allocate<AttentionTape<Real>>(tape, c_, tape.x.rows());
    Rows<Real> y;  // (T, d)
    normalise(tape.x, Part::kInputNorm, y);
    queries_keys_values(y, tape);
    rotate_normed(tape);
    attention_forward(heads_, sequences_, tape.query, tape.key, tape.value, tape.mixed);
    tape.middle = tape.x;
    add_branch(Part::kOutput, Part::kAttentionEndNorm, tape.mixed, tape.attended, tape.middle);
}

template <class Real>
void Layer<Real>::gate_and_up(LayerTape<Real>& tape, Rows<Real>& z) const {
    allocate<MlpTape<Real>>(tape, c_, tape.middle.rows());
    normalise(mlp_input(tape), Part::kMlpNorm, z);
    if (c_.fused_gate_up) {
        Rows<Real> both;  // (T, 2f)
        project(Part::kGateUp, z, both, Into::kSet);
        tape.gate = both.leftCols(c_.ffn);
        tape.up = both.rightCols(c_.ffn);
        return;
    }
    if (c_.gated) project(Part::kGate, z, tape.gate, Into::kSet);
    project(Part::kUp, z, tape.up, Into::kSet);
}

template <class Real>
void Layer<Real>::fill(LayerTape<Real>& tape) const {
    attention(tape);
    MlpWork<Real> work;
    gate_and_up(tape, work.normed);
    if (!c_.norms_after) return;
    feed_forward(c_, tape.gate, tape.up, work.gated);
    project(Part::kDown, work.gated, tape.fed, Into::kSet);
}

template <class Real>
Rows<Real> Layer<Real>::forward(LayerTape<Real>& tape, Keep keep) const {
    const auto drop = [&](bool now, std::initializer_list<Rows<Real>*> parts) {
        if (!now) return;
        for (Rows<Real>* each : parts) each->resize(0, 0);
    };
    attention(tape);
    drop(keep != Keep::kAll, {&tape.query, &tape.key, &tape.value, &tape.mixed, &tape.plain_query,
                              &tape.plain_key, &tape.attended});
    drop(keep == Keep::kNothing && !c_.parallel, {&tape.x});
    MlpWork<Real> work;
    gate_and_up(tape, work.normed);
    drop(keep == Keep::kNothing, {&tape.x});
    feed_forward(c_, tape.gate, tape.up, work.gated);
    Rows<Real> out;  // (T, d)
    drop(keep != Keep::kAll, {&tape.gate, &tape.up});
    if (keep == Keep::kAll)
        out = tape.middle;
    else
        out.swap(tape.middle);
    add_branch(Part::kDown, Part::kMlpEndNorm, work.gated, tape.fed, out);
    drop(keep != Keep::kAll, {&tape.fed});
    return out;
}

/// dx: from the gradient in x' to that in m; in parallel layers to that part of the gradient in x
/// which does not come through attention.
template <class Real>
void Layer<Real>::mlp_gradient(const LayerTape<Real>& tape, Rows<Real>& dx,
                               Parameters<Real>& gradient) const {
    MlpSlopes<Real> s;
    allocate(s, c_, dx.rows());
    feed_forward(c_, tape.gate, tape.up, s.gated);
    branch_backward(Part::kDown, Part::kMlpEndNorm, dx, s.gated, tape.fed, s.dgated, gradient);
    feed_backward(c_, tape.gate, tape.up, s.dgated, s.dgate, s.dup);
    normalise(mlp_input(tape), Part::kMlpNorm, s.z);
    if (c_.fused_gate_up) {
        s.dgate_up << s.dgate, s.dup;
        project_backward(Part::kGateUp, s.dgate_up, s.z, s.dz, Into::kSet, gradient);
    } else if (c_.gated) {
        project_backward(Part::kGate, s.dgate, s.z, s.dz, Into::kSet, gradient);
        project_backward(Part::kUp, s.dup, s.z, s.dz, Into::kAdd, gradient);
    } else {
        project_backward(Part::kUp, s.dup, s.z, s.dz, Into::kSet, gradient);
    }
    normalise_backward(mlp_input(tape), Part::kMlpNorm, s.dz, dx, gradient);
}

/// Adds to dx what comes through attention from dmiddle, the gradient in m.
template <class Real>
void Layer<Real>::attention_gradient(const LayerTape<Real>& tape, const Rows<Real>& dmiddle,
                                     Rows<Real>& dx, Parameters<Real>& gradient) const {
    AttentionSlopes<Real> s;
    allocate(s, c_, dx.rows());
    branch_backward(Part::kOutput, Part::kAttentionEndNorm, dmiddle, tape.mixed, tape.attended,
                    s.dmixed, gradient);
    attention_backward(heads_, sequences_, tape.query, tape.key, tape.value, s.dmixed, s.dquery,
                       s.dkey, s.dvalue);
    rotate_normed_backward(tape, s, gradient);
    queries_keys_values_backward(tape, s, gradient);
    normalise_backward(tape.x, Part::kInputNorm, s.dy, dx, gradient);
}

template <class Real>
void Layer<Real>::backward(const LayerTape<Real>& tape, Rows<Real>& dx,
                           Parameters<Real>& gradient) const {
    if (!c_.parallel) {
        mlp_gradient(tape, dx, gradient);
        return attention_gradient(tape, dx, dx, gradient);
    }
    const Rows<Real> dout = dx;
    mlp_gradient(tape, dx, gradient);
    attention_gradient(tape, dout, dx, gradient);
}

#define PREFDYN_INSTANTIATE(Real)                                              \
    template LayerWeights<Real> layer_weights(const Parameters<Real>&, Index); \
    template class Layer<Real>;
PREFDYN_INSTANTIATE(float)
PREFDYN_INSTANTIATE(double)
#undef PREFDYN_INSTANTIATE

}  // namespace prefdyn::transformer
