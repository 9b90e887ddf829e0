#pragma once
// What a device has to do: hold one layer, and take packed prompts through it.

#include <functional>
#include <memory>
#include <string>

#include "sim/transformer/checkpoint.hpp"

namespace prefdyn::transformer {

/// Tokens [first, first + length) of the hidden states are one prompt, in order.
struct Prompt {
    Index first = 0, length = 0;
};

/// Called after a piece of work with the tokens it covered; from any thread, one at a time.
using Tick = std::function<void(Index tokens)>;

class LayerBackend {
  public:
    virtual ~LayerBackend() = default;
    virtual std::string name() const = 0;
    /// Replaces the layer held. Throws InputError if a weight is not finite.
    virtual void load(const LayerTensors& layer) = 0;
    /// x (tokens, d) becomes the output of the layer held, every prompt by itself. Throws
    /// Interrupted at a clean point if that is asked for.
    virtual void run(RowsF& x, const std::vector<Prompt>& prompts, const Tick& tick) const = 0;
};

/// `longest`: tokens of the longest prompt that will come.
std::unique_ptr<LayerBackend> make_cpu_backend(const ModelConfig& config, Index longest);

}  // namespace prefdyn::transformer
