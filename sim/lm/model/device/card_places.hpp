#pragma once
// What inference keeps on a card for a layer and for a batch, each one allocation cut into pieces:
// a plan adds up the same pieces that are given out.

#include <algorithm>
#include <cstddef>

#include "sim/lm/model/model_config.hpp"

namespace prefdyn::transformer::device {

/// Gives out stretches of one allocation; without one it only counts.
class Cutter {
  public:
    explicit Cutter(unsigned char* memory = nullptr) : memory_(memory) {}
    /// `count` numbers; returns where they end.
    template <class T>
    std::size_t take(T*& place, long count) {
        constexpr std::size_t kAlign = 256;
        place = memory_ ? reinterpret_cast<T*>(memory_ + used_) : nullptr;
        used_ += (static_cast<std::size_t>(count) * sizeof(T) + kAlign - 1) / kAlign * kAlign;
        most_ = std::max(most_, used_);
        return used_;
    }
    /// What lies behind `used` may be given out again.
    void back_to(std::size_t used) { used_ = used; }
    std::size_t most() const { return most_; }

  private:
    unsigned char* memory_;
    std::size_t used_ = 0, most_ = 0;
};

/// Bytes of all that a Placed takes.
template <class Placed, class... Extents>
std::size_t placed_bytes(const ModelConfig& config, Extents... extents) {
    Cutter count;
    Placed().place(config, extents..., count);
    return count.most();
}

/// The weights of one layer; biases may be null. Projections are (out, in), those with one input
/// stacked.
template <class T>
struct StackedWeights {
    long layer = -1, window = 0;
    T *qkv, *output, *gate_up, *down;
    float *input_norm, *post_norm, *qkv_bias, *output_bias, *gate_up_bias, *down_bias;

    /// With room for every bias: they are small.
    void place(const ModelConfig& c, Cutter& cut) {
        const Index mixed = c.heads * c.head_size, width = mixed + 2 * c.kv_heads * c.head_size;
        cut.take(qkv, width * c.hidden);
        cut.take(output, c.hidden * mixed);
        cut.take(gate_up, 2 * c.ffn * c.hidden);
        cut.take(down, c.hidden * c.ffn);
        for (float** each : {&input_norm, &post_norm, &output_bias, &down_bias})
            cut.take(*each, c.hidden);
        cut.take(qkv_bias, width);
        cut.take(gate_up_bias, 2 * c.ffn);
    }
};

/// What a batch of T tokens needs between the products: attention and feed-forward take turns.
template <class T>
struct BatchValues {
    T *normed, *qkv, *mixed, *both, *gated;  // (T, d), (T, (H + 2K) h), (T, H h), (T, 2f), (T, f)

    void place(const ModelConfig& c, long tokens, Cutter& cut) {
        const long mixed_width = c.heads * c.head_size;
        const std::size_t turn = cut.take(normed, tokens * c.hidden);
        cut.take(qkv, tokens * (mixed_width + 2 * c.kv_heads * c.head_size));
        cut.take(mixed, tokens * mixed_width);
        cut.back_to(turn);
        cut.take(both, tokens * 2 * c.ffn);
        cut.take(gated, tokens * c.ffn);
    }
};

}  // namespace prefdyn::transformer::device
