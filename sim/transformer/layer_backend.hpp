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

/// Keeps the hidden states of all prompts while one layer after another is loaded and run.
class LayerBackend {
  public:
    virtual ~LayerBackend() = default;
    virtual std::string name() const = 0;
    /// Takes over x (tokens, d), the hidden states before the first layer.
    virtual void begin(RowsF x, std::vector<Prompt> prompts) = 0;
    /// Starts to fetch the layer that will be loaded next; a hint.
    virtual void prefetch(const LayerTensors&) {}
    /// Replaces the layer held; its bytes are not needed afterwards. Throws InputError if a weight
    /// is not finite.
    virtual void load(const LayerTensors& layer) = 0;
    /// Takes the hidden states through the layer held, every prompt by itself. May return before
    /// that is done and tick later, by the end of last_rows() at the latest. Throws Interrupted at
    /// a clean point if that is asked for.
    virtual void run(const Tick& tick) = 0;
    /// (n, d): the hidden states of every prompt's last token.
    virtual RowsF last_rows() = 0;
};

/// `longest`: tokens of the longest prompt that will come.
std::unique_ptr<LayerBackend> make_cpu_backend(const ModelConfig& config, Index longest);

}  // namespace prefdyn::transformer
