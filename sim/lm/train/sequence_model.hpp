#pragma once
// The whole transformer on a batch of token sequences: logits where they are asked for, and the
// gradient of what is made of them. Sequences follow each other without padding, each attends to
// itself only.

#include <stdexcept>

#include "sim/lm/model/layer.hpp"

namespace prefdyn::finetune {

using namespace transformer;
using transformer::Column;

/// A value that is NaN or infinite, and where: training cannot go on.
class NonFinite : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct TokenBatch {
    std::vector<std::int32_t> ids;
    std::vector<Prompt> sequences;

    Index tokens() const { return static_cast<Index>(ids.size()); }
    void add(std::span<const std::int32_t> sequence) {
        sequences.push_back({tokens(), static_cast<Index>(sequence.size())});
        ids.insert(ids.end(), sequence.begin(), sequence.end());
    }
};

template <class Real>
class SequenceModel {
  public:
    /// For sequences of up to `longest` tokens. The config must outlive the model.
    SequenceModel(const ModelConfig& config, Index longest);

    /// Logits (|rows|, V) behind these tokens of the batch. Throws NonFinite naming the layer.
    /// Weights and batch must be there unchanged when backward is called.
    const Rows<Real>& forward(const Parameters<Real>& weights, const TokenBatch& batch,
                              std::span<const Index> rows, Keep keep);
    const Rows<Real>& logits() const { return logits_; }
    /// (|rows|, d): what the head saw, the hidden states behind the final norm.
    const Rows<Real>& embeddings() const { return embeddings_; }

    /// Adds to the blocks `gradient` has, from the gradient in the logits (|rows|, V). Layers below
    /// the lowest of them are not visited.
    void backward(const Rows<Real>& dlogits, Parameters<Real>& gradient);

    /// Bytes for a batch of `tokens` tokens with `rows` rows of logits and their gradient.
    static std::size_t bytes(const ModelConfig& config, Index tokens, Index rows, Keep keep);

  private:
    Layer<Real> layer(Index index) const;
    void backward_layers(Rows<Real>& dx, Index lowest, Parameters<Real>& gradient);
    Rows<Real> through_cap(const Rows<Real>& dlogits) const;
    NormWeights<Real> final_norm() const;
    void look_up(Rows<Real>& x) const;
    void look_up_backward(Rows<Real>& dx, Parameters<Real>& gradient) const;

    const ModelConfig& config_;
    LayerRopes ropes_;
    const Parameters<Real>* weights_ = nullptr;
    const TokenBatch* batch_ = nullptr;
    std::vector<Index> rows_;
    Keep keep_ = Keep::kNothing;
    std::vector<LayerTape<Real>> tapes_;
    Rows<Real> last_, embeddings_, logits_;  ///< (|rows|, d), (|rows|, d), (|rows|, V)
};

}  // namespace prefdyn::finetune
