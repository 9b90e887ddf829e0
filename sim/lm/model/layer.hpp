#pragma once
// One layer of the transformer on T tokens, forward and backward; inference is the forward pass
// that keeps nothing:
//   m = x + W_o attention(rotated W_q y, rotated W_k y, W_v y) with y = norm(x),
//   x' = m + W_down (silu(W_gate z) W_up z)                    with z = norm(m).

#include "sim/lm/model/attention.hpp"
#include "sim/lm/model/keep.hpp"
#include "sim/lm/model/parameters.hpp"
#include "sim/lm/model/product.hpp"

namespace prefdyn::transformer {

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

/// What the backward pass reads. Only x is needed: the rest can be made of it.
template <class Real>
struct LayerTape {
    Rows<Real> x;           ///< (T, d)
    Rows<Real> query, key;  ///< (T, H h), (T, K h), rotated
    Rows<Real> value;       ///< (T, K h)
    Rows<Real> mixed;       ///< (T, H h): what attention gave
    Rows<Real> middle;      ///< (T, d): m
    Rows<Real> gate, up;    ///< (T, f)

    /// Bytes of all of it for T tokens.
    static std::size_t bytes(const ModelConfig& config, Index tokens);
    void drop_all_but_input();
};

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
    void gate_and_up(LayerTape<Real>& tape) const;
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
