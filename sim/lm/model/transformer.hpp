#pragma once
// A frozen language model: final embeddings and next-token logits of token sequences.

#include <cstdint>
#include <functional>
#include <span>

#include "sim/lm/model/layer_backend.hpp"

namespace prefdyn::transformer {

using TokenIds = std::vector<std::int32_t>;

/// How often the model's final norm is applied to the last token's hidden state.
enum class FinalNorm { kNone = 0, kSingle = 1, kDouble = 2 };

struct EmbedOptions {
    FinalNorm norm = FinalNorm::kSingle;
    std::function<void(double done)> progress;  ///< share in (0, 1], one call at a time
    Arithmetic arithmetic = {};
    /// Names a prompt in messages; without it "DIR: prompt I".
    std::function<std::string(std::size_t prompt)> name = {};
};

class Transformer {
  public:
    explicit Transformer(const std::string& folder, const std::string& base = {})
        : checkpoint_(folder, base) {}

    const Checkpoint& checkpoint() const { return checkpoint_; }
    const ModelConfig& config() const { return checkpoint_.config(); }

    /// (n, d): the embedding of the last token of each prompt. All prompts go through one layer
    /// before the next is touched. A row depends on its prompt alone: on the processor bit for bit,
    /// on a card to rounding. InputError names the prompt (counted from 0) that is empty, longer
    /// than the context, or holds an id outside the vocabulary; Interrupted if a stop is asked for.
    RowsF embed(std::span<const TokenIds> prompts, const EmbedOptions& options = {}) const;

    /// (n, |ids|) logits of these tokens for embeddings (n, d) with FinalNorm::kSingle.
    RowsF logits(const RowsF& embeddings, std::span<const std::int32_t> ids) const;
    /// (n, V) logits of the whole vocabulary.
    RowsF logits(const RowsF& embeddings) const;
    /// (|ids|, d): the rows of the model's own head, times the config's scale of logits: without a
    /// cap, logits are their inner products with embeddings.
    RowsF head_rows(std::span<const std::int32_t> ids) const;
    /// The `count` most probable next tokens one after another; of equal ones the smallest id.
    TokenIds greedy(const TokenIds& prompt, Index count, const Arithmetic& arithmetic = {}) const;

  private:
    void check(std::span<const TokenIds> prompts) const;
    RowsF look_up(std::span<const TokenIds> prompts) const;
    void add_positions(std::span<const TokenIds> prompts, RowsF& x) const;
    void finish(RowsF& x, const EmbedOptions& options) const;
    Checkpoint checkpoint_;
};

/// Bytes an embedding of `prompts` prompts with together `tokens` tokens keeps beside the mapped
/// file: one layer in single precision, hidden states, and the batches in work on `threads`
/// threads, of `longest` tokens the longest prompt.
struct MemoryPlan {
    std::size_t layer = 0, hidden = 0, work = 0, result = 0;
    std::size_t total() const { return layer + hidden + work + result; }
};
MemoryPlan memory_plan(const ModelConfig& config, Index prompts, Index tokens, Index longest,
                       Index threads);

}  // namespace prefdyn::transformer
