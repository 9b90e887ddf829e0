#pragma once
// One layer of the transformer on T tokens, forward and backward:
//   m = x + W_o attention(rotated W_q y, rotated W_k y, W_v y) with y = norm(x),
//   x' = m + W_down (silu(W_gate z) W_up z)                    with z = norm(m).

#include "sim/lm/train/attention.hpp"

namespace prefdyn::finetune {

/// What the backward pass reads. Only x is needed: forward makes the rest of it.
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
    void keep_input_alone();
};

/// The weights must hold every block; they and all else named here must outlive the layer.
template <class Real>
class Layer {
  public:
    Layer(const ModelConfig& config, const Parameters<Real>& weights, Index layer,
          const transformer::RopeTable& rope, std::span<const transformer::Prompt> sequences);

    /// Fills the tape from its x; returns x' (T, d).
    Rows<Real> forward(LayerTape<Real>& tape) const;

    /// Takes dx from the gradient in x' to that in x, and adds to the blocks `gradient` holds.
    void backward(const LayerTape<Real>& tape, Rows<Real>& dx, Parameters<Real>& gradient) const;

  private:
    struct Linear {
        int weight, bias;
    };
    Linear linear(Part weight, Part bias) const;
    int part(Part part) const { return layout_.part(layer_, part); }
    void normalise(const Rows<Real>& x, Part norm, Rows<Real>& y) const;
    void denormalise(const Rows<Real>& x, Part norm, const Rows<Real>& dy, Rows<Real>& dx,
                     Parameters<Real>& gradient) const;
    void apply(const Linear& map, const Rows<Real>& x, Rows<Real>& y) const;
    void apply_onto(const Linear& map, const Rows<Real>& x, Rows<Real>& y) const;
    void pull(const Linear& map, const Rows<Real>& dy, Rows<Real>& dx) const;
    void pull_onto(const Linear& map, const Rows<Real>& dy, Rows<Real>& dx) const;
    void push(const Linear& map, const Rows<Real>& dy, const Rows<Real>& x,
              Parameters<Real>& gradient) const;
    void attention_half(const LayerTape<Real>& tape, Rows<Real>& dx,
                        Parameters<Real>& gradient) const;
    void mlp_half(const LayerTape<Real>& tape, Rows<Real>& dx, Parameters<Real>& gradient) const;

    const ModelConfig& c_;
    const Parameters<Real>& w_;
    const Layout& layout_;
    Index layer_;
    const transformer::RopeTable& rope_;
    std::span<const transformer::Prompt> sequences_;
    Heads heads_;
    Linear query_, key_, value_, output_, gate_, up_, down_;
};

}  // namespace prefdyn::finetune
