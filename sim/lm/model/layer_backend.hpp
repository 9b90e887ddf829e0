#pragma once
// What a device has to do: hold one layer, and take packed prompts through it.

#include <functional>
#include <memory>
#include <string>

#include "sim/lm/model/checkpoint.hpp"
#include "sim/lm/model/precision.hpp"

namespace prefdyn::transformer {

/// Called after a piece of work with the tokens it covered; from any thread, one at a time.
using Tick = std::function<void(Index tokens)>;

/// Keeps the hidden states of all prompts while one layer after another is loaded and run.
class LayerBackend {
  public:
    virtual ~LayerBackend() = default;
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

/// `longest`: tokens of the longest prompt that will come. InputError if there is no such backend
/// for this precision or model.
std::unique_ptr<LayerBackend> make_backend(const ModelConfig& config, Index longest,
                                           const Arithmetic& arithmetic);
/// Tokens of a batch on the processor, at least.
inline constexpr Index kBatchTokens = 192;
std::unique_ptr<LayerBackend> make_cpu_backend(const ModelConfig& config, Index longest);
std::unique_ptr<LayerBackend> make_cuda_backend(const ModelConfig& config, Index longest,
                                                Precision precision);
/// The same with `budget` bytes on the card instead of what is free.
std::unique_ptr<LayerBackend> make_cuda_backend(const ModelConfig& config, Index longest,
                                                Precision precision, std::size_t budget);

/// Throws InputError if the device does not know the precision.
void require_precision(const Arithmetic& arithmetic);

/// Throws InputError naming what of the model the card's kernels are not made for.
void require_card_layers(const ModelConfig& config);

/// Tokens that the backend takes through the layers at a time with the least waste.
Index preferred_tokens(const ModelConfig& config, const Arithmetic& arithmetic);

/// Names what decides about the last bits of an embedding: never compare across different ones.
std::string arithmetic_name(const Arithmetic& arithmetic);

/// What a card holds at a time, in bytes.
struct CardPlan {
    std::size_t layers = 0;   ///< two layers of weights: one that runs, one on its way
    std::size_t staging = 0;  ///< bytes on their way, cuBLAS's workspace, the angles of positions
    std::size_t hidden = 0;   ///< hidden states of a chunk
    std::size_t work = 0;     ///< intermediate values of a batch
    Index batch_tokens = 0;   ///< whole prompts of at most this many tokens, or one that is longer
    Index chunk_tokens = 0;
    std::size_t slot_bytes = 0, workspace_bytes = 0;
    std::size_t total() const { return layers + staging + hidden + work; }
};
/// The largest that fits into `budget` bytes, up to where larger brings nothing, for prompts of up
/// to `longest` tokens. InputError if nothing does: what is needed, what there is, which option
/// lowers it.
CardPlan plan_card(const ModelConfig& config, Precision precision, Index longest,
                   std::size_t budget);
/// That of this machine's card.
CardPlan cuda_plan(const ModelConfig& config, Precision precision, Index longest);

}  // namespace prefdyn::transformer
