#pragma once
// Two layers' weights on the card: one that is run, one on its way from the checkpoint's bytes.

#include "sim/lm/model/checkpoint.hpp"
#include "sim/lm/model/device/card_places.hpp"
#include "sim/lm/model/device/cuda_kernels.cuh"
#include "sim/lm/model/device/cuda_layer.hpp"
#include "sim/lm/model/device/cuda_resources.cuh"

namespace prefdyn::transformer::device {

/// Bytes from the host, piece by piece through two page-locked slots, so that one is filled while
/// the card reads the other. Everything goes to the stream given.
class Pipe {
  public:
    Pipe(std::size_t slot_bytes, cudaStream_t stream) : bytes_(slot_bytes), stream_(stream) {}

    /// then(at, count, piece) is called for values [at, at + count), which lie at `piece` on the
    /// card for what it asks of the stream.
    template <class Then>
    void bring(const void* from, long count, std::size_t size, Then then) {
        const auto most = static_cast<long>(bytes_ / size);
        for (long at = 0; at < count; at += most) {
            Slot& slot = slots_[turn_ ^= 1];
            const long n = count - at < most ? count - at : most;
            const std::size_t bytes = static_cast<std::size_t>(n) * size;
            slot.read.wait();
            copy_threaded(
                slot.host.data(),
                static_cast<const unsigned char*>(from) + static_cast<std::size_t>(at) * size,
                bytes);
            PREFDYN_CUDA_CHECK(cudaMemcpyAsync(slot.card.data(), slot.host.data(), bytes,
                                               cudaMemcpyHostToDevice, stream_));
            slot.read.record(stream_);
            then(at, n, slot.card.data());
        }
    }

  private:
    struct Slot {
        explicit Slot(std::size_t bytes)
            : host(bytes), card(bytes, "bytes on their way", "--device cpu") {}
        Pinned host;
        ::prefdyn::cuda::DeviceArray<unsigned char> card;
        Event read;
    };
    std::size_t bytes_;
    cudaStream_t stream_;
    Slot slots_[2] = {Slot(bytes_), Slot(bytes_)};
    int turn_ = 0;
};

template <class T>
class CudaWeights {
  public:
    CudaWeights(const ModelConfig& config, std::size_t slot_bytes);
    ~CudaWeights() { cudaStreamSynchronize(side_.get()); }

    /// Starts to bring the layer to where the one before the current layer was, when that has been
    /// run.
    void fetch(const LayerTensors& layer);
    /// The layer is the current one from now on: -1, or the part that is not finite.
    int load(const LayerTensors& layer);
    const StackedWeights<T>& current() const { return copies_[current_].weights; }
    /// Everything asked of the thread's stream so far is all that is wanted of the current layer.
    void ran() { copies_[current_].ran.record(::prefdyn::cuda::stream()); }
    /// Values to the card, done on return.
    void bring(const float* from, long count, float* to);

  private:
    struct Copy {
        StackedWeights<T> room{};     ///< with a place for every bias
        StackedWeights<T> weights{};  ///< without those the model has not got
        ::prefdyn::cuda::DeviceArray<unsigned char> memory;
        ::prefdyn::cuda::DeviceArray<int> bad;  ///< a flag a part
        Event came, ran;
    };
    template <class To>
    void convert_to(const Tensor& tensor, To* to, int* bad);
    const ModelConfig& c_;
    SideStream side_;
    Pipe pipe_;
    Copy copies_[2];
    Pinned flags_;  ///< kParts for either copy
    int current_ = 1;
};

}  // namespace prefdyn::transformer::device
