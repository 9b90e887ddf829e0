#include "sim/head/layer_device.hpp"

#include <numeric>

#include "sim/cuda/device.hpp"
#include "sim/head/cuda_layers.hpp"

namespace prefdyn {

#ifdef PREFDYN_CUDA

namespace {

class CudaSoftmax final : public SoftmaxDevice {
  public:
    CudaSoftmax(const cuda::DeviceFeatures& train, const cuda::DeviceFeatures& held_out,
                const Vector& head, Index vocabulary)
        : train_(train),
          held_out_(held_out),
          size_(head.size()),
          pass_(head.data(), vocabulary, head.size() / vocabulary) {}

    void forward(bool held_out, Rows& rows) override {
        const auto count = static_cast<Index>(rows.row.size());
        rows.logp_chosen.resize(count);
        rows.logp_rejected.resize(count);
        pass_.forward(held_out ? held_out_ : train_, rows.row.data(), count, rows.chosen.data(),
                      rows.rejected.data(), rows.logp_chosen.data(), rows.logp_rejected.data());
    }
    void backward(const Vector& weight, const Vector& excess) override {
        pass_.backward(weight.data(), excess.data());
    }
    Vector sum() const override {
        Vector out(size_);
        pass_.sum(out.data());
        return out;
    }

  private:
    const cuda::DeviceFeatures &train_, &held_out_;
    Index size_;
    cuda::SoftmaxPass pass_;
};

class CudaEmbedding final : public EmbeddingDevice {
  public:
    CudaEmbedding(const cuda::DeviceFeatures& x, const std::vector<std::int64_t>& rows,
                  const RowMatrix& embedding, const Vector& head, Activation activation)
        : count_(static_cast<Index>(rows.size())),
          hidden_(embedding.rows()),
          dimension_(embedding.cols()),
          pass_(x, rows.data(), count_, embedding.data(), head.data(), hidden_, activation) {}

    Vector scores() const override {
        Vector out(count_);
        pass_.scores(out.data());
        return out;
    }
    Vector backward(const Vector& weight, bool embedding) override {
        Vector out = Vector::Zero(hidden_ * dimension_ + hidden_);
        pass_.backward(weight.data(), embedding ? out.data() : nullptr,
                       out.data() + hidden_ * dimension_);
        return out;
    }

  private:
    Index count_, hidden_, dimension_;
    cuda::EmbeddingPass pass_;
};

class CudaLayers final : public LayerDevice {
  public:
    CudaLayers(const RowMatrix& train, const RowMatrix& held_out)
        : train_(train.data(), train.rows(), train.cols()),
          held_out_(held_out.data(), held_out.rows(), held_out.cols()) {}

    std::unique_ptr<SoftmaxDevice> softmax(const Vector& head, Index vocabulary) const override {
        return std::make_unique<CudaSoftmax>(train_, held_out_, head, vocabulary);
    }
    std::unique_ptr<EmbeddingDevice> embedding(bool held_out, std::span<const Index> rows,
                                               const RowMatrix& embedding, const Vector& head,
                                               Activation activation) const override {
        return std::make_unique<CudaEmbedding>(held_out ? held_out_ : train_,
                                               std::vector<std::int64_t>(rows.begin(), rows.end()),
                                               embedding, head, activation);
    }

  private:
    cuda::DeviceFeatures train_, held_out_;
};

}  // namespace

std::unique_ptr<LayerDevice> make_layer_device(const RowMatrix& train, const RowMatrix& held_out,
                                               double work) {
    constexpr double kWorthALaunch = 4e6;
    if (!on_gpu() || work < kWorthALaunch) return nullptr;
    return std::make_unique<CudaLayers>(train, held_out);
}

#else

std::unique_ptr<LayerDevice> make_layer_device(const RowMatrix&, const RowMatrix&, double) {
    return nullptr;
}

#endif

}  // namespace prefdyn
