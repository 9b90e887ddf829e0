#pragma once
// One layer of the transformer on T tokens, forward and backward; inference is the forward pass
// that keeps nothing:
//   m = x + W_o attention(rotated W_q y, rotated W_k y, W_v y) with y = norm(x),
//   x' = m + W_down (silu(W_gate z) W_up z)                    with z = norm(m).

#include "sim/lm/model/attention.hpp"
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
    Rows<Real> x, query, key, value;  ///< query and key rotated
    Rows<Real> mixed;                 ///< what attention gave
    template <class Take>
    void each(const ModelConfig& c, Take take) {
        take(x, c.hidden);
        for (Rows<Real>* wide : {&query, &mixed}) take(*wide, c.heads * c.head_size);
        for (Rows<Real>* narrow : {&key, &value}) take(*narrow, c.kv_heads * c.head_size);
    }
};

/// What that of the MLP reads; middle: m.
template <class Real>
struct MlpTape {
    Rows<Real> middle, gate, up;
    template <class Take>
    void each(const ModelConfig& c, Take take) {
        take(middle, c.hidden);
        for (Rows<Real>* wide : {&gate, &up}) take(*wide, c.ffn);
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

/// Beside the tape in the forward pass of the MLP.
template <class Real>
struct MlpWork {
    Rows<Real> normed, gated;
    template <class Take>
    void each(const ModelConfig& c, Take take) {
        take(normed, c.hidden);
        take(gated, c.ffn);
    }
};

/// Beside the tape in the backward pass of the MLP.
template <class Real>
struct MlpSlopes {
    Rows<Real> gated, dgated, dgate, dup, z, dz;
    template <class Take>
    void each(const ModelConfig& c, Take take) {
        for (Rows<Real>* wide : {&gated, &dgated, &dgate, &dup}) take(*wide, c.ffn);
        for (Rows<Real>* one : {&z, &dz}) take(*one, c.hidden);
    }
};

/// Beside the tape in that of attention.
template <class Real>
struct AttentionSlopes {
    Rows<Real> dmixed, dquery, dkey, dvalue, y, dy;
    template <class Take>
    void each(const ModelConfig& c, Take take) {
        for (Rows<Real>* wide : {&dmixed, &dquery}) take(*wide, c.heads * c.head_size);
        for (Rows<Real>* narrow : {&dkey, &dvalue}) take(*narrow, c.kv_heads * c.head_size);
        for (Rows<Real>* one : {&y, &dy}) take(*one, c.hidden);
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

/// Config, rope, sequences and what the weights point to must outlive the layer.
template <class Real>
class Layer {
  public:
    Layer(const ModelConfig& config, const LayerWeights<Real>& weights, Index layer,
          const RopeTable& rope, std::span<const Prompt> sequences);

    /// x' (T, d) from the tape's x. The tape then has what `keep` says; what is not kept is given
    /// back as soon as it is used.
    Rows<Real> forward(LayerTape<Real>& tape, Keep keep) const;
    /// All of the tape from its x.
    void fill(LayerTape<Real>& tape) const;
    /// Takes dx from the gradient in x' to that in x, and adds to the blocks `gradient` has.
    void backward(const LayerTape<Real>& tape, Rows<Real>& dx, Parameters<Real>& gradient) const;

  private:
    void normalise(const Rows<Real>& x, Part norm, Rows<Real>& y) const;
    void normalise_backward(const Rows<Real>& x, Part norm, const Rows<Real>& dy, Rows<Real>& dx,
                            Parameters<Real>& gradient) const;
    void project(Part projection, const Rows<Real>& x, Rows<Real>& y, Into into) const;
    void project_backward(Part projection, const Rows<Real>& dy, const Rows<Real>& x,
                          Rows<Real>& dx, Into into, Parameters<Real>& gradient) const;
    void attention(LayerTape<Real>& tape) const;
    void attention_gradient(const LayerTape<Real>& tape, Rows<Real>& dx,
                            Parameters<Real>& gradient) const;
    void gate_and_up(LayerTape<Real>& tape, Rows<Real>& z) const;
    void mlp_gradient(const LayerTape<Real>& tape, Rows<Real>& dx,
                      Parameters<Real>& gradient) const;

    const ModelConfig& c_;
    LayerWeights<Real> w_;
    Index layer_;
    const RopeTable& rope_;
    std::span<const Prompt> sequences_;
    Heads heads_;
};

}  // namespace prefdyn::transformer
