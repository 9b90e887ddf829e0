// Training on the card.
#include "sim/lm/train/cuda_machine.cuh"

namespace prefdyn::finetune::card {

namespace {

using transformer::Precision;

class CudaFactory final : public Factory {
  public:
    std::unique_ptr<Model> model(const ModelShape& shape, const std::vector<const float*>& weights,
                                 Precision precision) const override {
        auto machine = std::make_unique<CudaMachine>(precision);
        if (precision == Precision::kBfloat16)
            return std::make_unique<DeviceModel<CudaMachine, Bfloat16>>(std::move(machine), shape,
                                                                        weights);
        return std::make_unique<DeviceModel<CudaMachine, float>>(std::move(machine), shape,
                                                                 weights);
    }
    std::unique_ptr<Trainer> trainer(const ModelShape& shape, const TrainingShape& training,
                                     const std::vector<const float*>& weights, const float* theta,
                                     Precision precision) const override {
        auto machine = std::make_unique<CudaMachine>(precision);
        if (precision == Precision::kBfloat16)
            return std::make_unique<DeviceTrainer<CudaMachine, Bfloat16>>(std::move(machine), shape,
                                                                          training, weights, theta);
        return std::make_unique<DeviceTrainer<CudaMachine, float>>(std::move(machine), shape,
                                                                   training, weights, theta);
    }
};

}  // namespace

const Factory& cuda_factory() {
    static const CudaFactory value;
    return value;
}

}  // namespace prefdyn::finetune::card
