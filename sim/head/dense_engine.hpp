#pragma once
// The oracle: the whole V x d head trained through the full log-softmax, nothing reduced, no
// normaliser cancelled by hand. theta is W, row-major.

#include "sim/head/engine.hpp"
#include "sim/head/layer_device.hpp"

namespace prefdyn {

class DenseEngine final : public PolicyEngine {
  public:
    explicit DenseEngine(const PreferenceTask& task);

    Index size() const override { return task_.policy.vocabulary * task_.train.dimension(); }
    Vector initial() const override;
    const Dataset& data(Split split) const override {
        return split == Split::kTrain ? task_.train : task_.held_out;
    }
    double descent(const Vector& theta, std::span<const Index> rows,
                   Vector& direction) const override;
    void evaluate(const Vector& theta, Split split, Responses& out,
                  Vector* direction) const override;
    double frobenius(const Vector& flat) const override { return flat.stableNorm(); }
    Roundings roundings() const override;
    HeadNorms change(const Vector& theta) const override;

  private:
    struct Block;
    double pass(const Vector& theta, Split split, std::span<const Index> rows, Responses* out,
                Vector* direction) const;
    Vector matched_margins(const Vector& theta, SoftmaxDevice* device, Split split,
                           std::span<const Index> rows) const;
    Block gather(Split split, std::span<const Index> rows, Index first, Index count) const;
    void forward(const Vector& theta, SoftmaxDevice* device, Split split, Block& block) const;
    void softmax(const Vector& theta, Block& block) const;
    double loss(const Block& block) const;
    LossSlopes slopes(const Block& block, Index b) const;
    void backward(Block& block, double scale, SoftmaxDevice* device, Vector& direction) const;
    std::unique_ptr<SoftmaxDevice> device_pass(const Vector& theta) const;
    Index block_rows() const;
    Index chosen(const Block& block, Index b) const;
    Index rejected(const Block& block, Index b) const;

    const PreferenceTask& task_;
    std::unique_ptr<LayerDevice> device_;  ///< null where the processor computes
    const bool sorts_;                     ///< margins are matched by rank
    Responses reference_[2];               ///< log-probabilities of the reference head
};

}  // namespace prefdyn
