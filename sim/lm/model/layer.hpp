#pragma once
// One layer of the transformer on T tokens, forward and backward, as ModelConfig describes it;
// inference is the forward pass that keeps nothing:
//   m = x + s N'(W_o attention(rotated M(W_q y), rotated M(W_k y), W_v y)) with y = N(x),
//   x' = m + s N'(W_down (act(W_gate z) W_up z))                           with z = N(m),
// and z = N(x) where attention and feed-forward are parallel; s is a multiplier of the config. N,
// N', the norms M of queries and keys, the gate and every bias are there or not.

#include "sim/lm/model/attention.hpp"
#include "sim/lm/model/elementwise.hpp"
#include "sim/lm/model/parameters.hpp"
#include "sim/lm/model/product.hpp"

namespace prefdyn::transformer {

/// What a forward pass keeps of its layers for the backward pass.
enum class Keep {
    kNothing,  ///< no backward pass will come: inference
    kInputs,   ///< what enters a layer; the rest is computed again when it is needed
    kAll,
};

/// Where a block lies.
template <class Real>
Weight<Real> weight_of(const Parameters<Real>& parameters, int block) {
    const ConstRows<Real> w = parameters.matrix(block);
    return {w.data(), w.rows(), w.cols()};
}

/// Where a layer's weights lie, by Part.
template <class Real>
struct LayerWeights {
    std::array<Weight<Real>, kParts> parts;
    Weight<Real>& operator[](Part part) { return parts[static_cast<std::size_t>(part)]; }
    const Weight<Real>& operator[](Part part) const {
        return parts[static_cast<std::size_t>(part)];
    }
};
/// Those of a model that has numbers for every block.
template <class Real>
LayerWeights<Real> layer_weights(const Parameters<Real>& parameters, Index layer);

// Buffers of T rows in groups that are there at the same time. `each` calls take(buffer, columns)
// for all of a group: allocate() gives them their sizes, columns_of() adds them up for a plan.

/// What the backward pass of attention reads. Only x is needed: the rest can be made of it.
template <class Real>
struct AttentionTape {
    Rows<Real> x, query, key, value;    ///< query and key rotated
    Rows<Real> plain_query, plain_key;  ///< before their norms
    Rows<Real> mixed;                   ///< what attention gave
    Rows<Real> attended;                ///< before the norm that ends attention
    template <class Take>
    void each(const ModelConfig& c, Take take) {
        const bool normed = c.query_key_norm != QueryKeyNorm::kNone;
        take(x, c.hidden);
        for (Rows<Real>* wide : {&query, &mixed}) take(*wide, c.query_columns());
        for (Rows<Real>* narrow : {&key, &value}) take(*narrow, c.key_columns());
        take(plain_query, normed ? c.query_columns() : 0);
        take(plain_key, normed ? c.key_columns() : 0);
        take(attended, c.norms_after ? c.hidden : 0);
    }
};

/// What that of the MLP reads; middle: m.
template <class Real>
struct MlpTape {
    Rows<Real> middle, gate, up;
    Rows<Real> fed;  ///< before the norm that ends it
    template <class Take>
    void each(const ModelConfig& c, Take take) {
        take(middle, c.hidden);
        take(gate, c.gated ? c.ffn : 0);
        take(up, c.ffn);
        take(fed, c.norms_after ? c.hidden : 0);
    }
};

template <class Real>
struct LayerTape : AttentionTape<Real>, MlpTape<Real> {
    void drop_all_but_input() {
        Rows<Real> kept = std::move(this->x);
        *this = {};
        this->x = std::move(kept);
    }
};

/// Beside the tape in the forward pass of attention.
template <class Real>
struct AttentionWork {
    Rows<Real> normed, qkv;
    Rows<Real> branch;  ///< what is added to x, where it is not added at once
    template <class Take>
    void each(const ModelConfig& c, Take take) {
        take(normed, c.hidden);
        take(qkv, c.qkv == Qkv::kApart ? 0 : c.query_columns() + 2 * c.key_columns());
        take(branch, c.norms_after || c.residual_scale != 1.0 ? c.hidden : 0);
    }
};

/// In that of the MLP.
template <class Real>
struct MlpWork {
    Rows<Real> normed, gated, gate_up, branch;
    template <class Take>
    void each(const ModelConfig& c, Take take) {
        take(normed, c.hidden);
        take(gated, c.ffn);
        take(gate_up, c.fused_gate_up ? 2 * c.ffn : 0);
        take(branch, c.norms_after || c.residual_scale != 1.0 ? c.hidden : 0);
    }
};

/// Beside the tape in the backward pass of the MLP.
template <class Real>
struct MlpSlopes {
    Rows<Real> gated, dgated, dgate, dup, dgate_up, z, dz;
    Rows<Real> dbranch;
    template <class Take>
    void each(const ModelConfig& c, Take take) {
        for (Rows<Real>* wide : {&gated, &dgated, &dgate, &dup}) take(*wide, c.ffn);
        take(dgate_up, c.fused_gate_up ? 2 * c.ffn : 0);
        for (Rows<Real>* one : {&z, &dz}) take(*one, c.hidden);
        take(dbranch, c.norms_after || c.residual_scale != 1.0 ? 2 * c.hidden : 0);
    }
};

/// Beside the tape in that of attention.
template <class Real>
struct AttentionSlopes {
    Rows<Real> dmixed, dquery, dkey, dvalue, dqkv, y, dy;
    Rows<Real> dplain;  ///< in queries and keys before their norms
    Rows<Real> dbranch;
    template <class Take>
    void each(const ModelConfig& c, Take take) {
        const Index all = c.query_columns() + 2 * c.key_columns();
        for (Rows<Real>* wide : {&dmixed, &dquery}) take(*wide, c.query_columns());
        for (Rows<Real>* narrow : {&dkey, &dvalue}) take(*narrow, c.key_columns());
        take(dqkv, c.qkv == Qkv::kApart ? 0 : all);
        for (Rows<Real>* one : {&y, &dy}) take(*one, c.hidden);
        take(dplain, c.query_key_norm == QueryKeyNorm::kNone ? 0 : c.query_columns());
        take(dbranch, c.norms_after || c.residual_scale != 1.0 ? 2 * c.hidden : 0);
    }
};

template <class Group>
void allocate(Group& group, const ModelConfig& config, Index rows) {
    group.each(config, [&](auto& buffer, Index columns) { buffer.resize(rows, columns); });
}
template <class Group>
Index columns_of(const ModelConfig& config) {
    Index sum = 0;
    Group().each(config, [&](const auto&, Index columns) { sum += columns; });
    return sum;
}

/// The angles of every layer's positions.
class LayerRopes {
  public:
    LayerRopes(const ModelConfig& config, Index positions);
    /// Null: the layer does not rotate.
    const RopeTable* operator[](Index layer) const {
        const int which = of_layer_[static_cast<std::size_t>(layer)];
        return which < 0 ? nullptr : &tables_[static_cast<std::size_t>(which)];
    }

  private:
    std::vector<RopeTable> tables_;
    std::vector<int> of_layer_;
};

/// Config, rope, sequences and what the weights point to must outlive the layer.
template <class Real>
class Layer {
  public:
    /// `rope` may be null.
    Layer(const ModelConfig& config, const LayerWeights<Real>& weights, Index layer,
          const RopeTable* rope, std::span<const Prompt> sequences);

    /// x' (T, d) from the tape's x. The tape then has what `keep` says; what is not kept is given
    /// back as soon as it is used.
    Rows<Real> forward(LayerTape<Real>& tape, Keep keep) const;
    /// All of the tape from its x.
    void fill(LayerTape<Real>& tape) const;
    /// Takes dx from the gradient in x' to that in x, and adds to the blocks `gradient` has.
    void backward(const LayerTape<Real>& tape, Rows<Real>& dx, Parameters<Real>& gradient) const;

  private:
    NormWeights<Real> norm_weights(Part norm) const;
    void normalise(const Rows<Real>& x, Part norm, Rows<Real>& y) const;
    void normalise_backward(const Rows<Real>& x, Part norm, const Rows<Real>& dy, Rows<Real>& dx,
                            Parameters<Real>& gradient) const;
    void project(Part projection, const Rows<Real>& x, Rows<Real>& y, Into into) const;
    void project_backward(Part projection, const Rows<Real>& dy, const Rows<Real>& x,
                          Rows<Real>& dx, Into into, Parameters<Real>& gradient) const;
    void add_branch(Part projection, Part norm, const Rows<Real>& x, Rows<Real>& plain,
                    Rows<Real>& out) const;
    void branch_backward(Part projection, Part norm, const Rows<Real>& dout, const Rows<Real>& x,
                         const Rows<Real>& plain, Rows<Real>& dx, Parameters<Real>& gradient) const;
    void queries_keys_values(const Rows<Real>& y, LayerTape<Real>& tape) const;
    void queries_keys_values_backward(const LayerTape<Real>& tape, AttentionSlopes<Real>& s,
                                      Parameters<Real>& gradient) const;
    void rotate_normed(LayerTape<Real>& tape) const;
    void rotate_normed_backward(const LayerTape<Real>& tape, AttentionSlopes<Real>& s,
                                Parameters<Real>& gradient) const;
    void attention(LayerTape<Real>& tape) const;
    void attention_gradient(const LayerTape<Real>& tape, const Rows<Real>& dmiddle, Rows<Real>& dx,
                            Parameters<Real>& gradient) const;
    const Rows<Real>& mlp_input(const LayerTape<Real>& tape) const {
        return c_.parallel ? tape.x : tape.middle;
    }
    void gate_and_up(LayerTape<Real>& tape, Rows<Real>& z) const;
    void feed(LayerTape<Real>& tape, const Rows<Real>& gated, Rows<Real>& out) const;
    void mlp_gradient(const LayerTape<Real>& tape, Rows<Real>& dx,
                      Parameters<Real>& gradient) const;

    const ModelConfig& c_;
    LayerWeights<Real> w_;
    Index layer_;
    const RopeTable* rope_;
    std::span<const Prompt> sequences_;
    Heads heads_;
};

}  // namespace prefdyn::transformer
