#pragma once
// A model on batches of pairs and the gradient it gathers: what loops over data need, wherever the
// model computes.

#include <memory>

#include "sim/lm/model/precision.hpp"
#include "sim/lm/train/objective.hpp"

namespace prefdyn::finetune {

class Pass {
  public:
    virtual ~Pass() = default;
    /// The batch must stay until backward() is done. Throws NonFinite naming the layer.
    virtual LogitScores forward(const PairBatch& batch, Keep keep) = 0;
    /// (|rows|, d): hidden states behind the final norm, of the last forward pass.
    virtual transformer::RowsF embeddings() = 0;
    /// Adds to the gradient, from that in the logits of the last forward pass.
    virtual void backward(const LogitGradient& gradient) = 0;

    virtual void clear_gradient() = 0;
    /// Squared norm of the gradient of every block, 0 of one that is not trainable.
    virtual std::vector<double> gradient_squares() = 0;
    /// Inner product of the gradients of two blocks of one shape, both trainable.
    virtual double gradient_product(int a, int b) = 0;
};

/// On the processor.
template <class Real>
class ModelPass final : public Pass {
  public:
    /// For sequences of up to `longest` tokens; gradients of the blocks in `trainable`. Config and
    /// weights must outlive this.
    ModelPass(const ModelConfig& config, const Parameters<Real>& weights,
              const std::vector<bool>& trainable, Index longest)
        : weights_(weights), model_(config, longest), gradient_(weights.layout(), trainable) {}

    LogitScores forward(const PairBatch& batch, Keep keep) override;
    transformer::RowsF embeddings() override { return model_.embeddings().template cast<float>(); }
    void backward(const LogitGradient& gradient) override;
    void clear_gradient() override { gradient_.clear(); }
    std::vector<double> gradient_squares() override;
    double gradient_product(int a, int b) override;
    const Parameters<Real>& gradient() const { return gradient_; }

  private:
    const Parameters<Real>& weights_;
    SequenceModel<Real> model_;
    Parameters<Real> gradient_;
    std::vector<double> logsumexp_;
    Rows<Real> dlogits_;
};

/// As ModelPass, wherever the arithmetic says.
std::unique_ptr<Pass> make_pass(const ModelConfig& config, const Parameters<float>& weights,
                                const std::vector<bool>& trainable, Index longest,
                                const transformer::Arithmetic& arithmetic);

}  // namespace prefdyn::finetune
