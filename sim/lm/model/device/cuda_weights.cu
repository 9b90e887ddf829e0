#include <initializer_list>

#include "sim/lm/model/device/cuda_weights.cuh"

namespace prefdyn::transformer::device {

namespace {

using ::prefdyn::cuda::DeviceArray;

std::size_t size_of(Dtype type) { return type == Dtype::kF32 ? 4 : 2; }

}  // namespace

template <class T>
CudaWeights<T>::CudaWeights(const ModelConfig& config, std::size_t slot_bytes)
    : c_(config), pipe_(slot_bytes, side_.get()), flags_(2 * kParts * sizeof(int)) {
    for (Copy& copy : copies_) {
        copy.memory = DeviceArray<unsigned char>(
            placed_bytes<StackedWeights<T>>(c_), "the weights of a layer",
            sizeof(T) == 4 ? "--precision bfloat16 halves it; --device cpu needs none"
                           : "--device cpu");
        copy.bad = DeviceArray<int>(kParts, "flags");
        Cutter cut(copy.memory.data());
        copy.room.place(c_, cut);
    }
    ::prefdyn::cuda::wait();  // the side stream may use what the thread's has allocated
}

template <class T>
template <class To>
void CudaWeights<T>::convert_to(const Tensor& tensor, To* to, int* bad) {
    pipe_.bring(tensor.bytes.data(), tensor.elements(), size_of(tensor.dtype),
                [&](long at, long count, const void* piece) {
                    convert<To>(side_.get(), piece, tensor.dtype, count, to + at, bad);
                });
}

template <class T>
void CudaWeights<T>::bring(const float* from, long count, float* to) {
    pipe_.bring(from, count, sizeof(float), [&](long at, long n, const void* piece) {
        PREFDYN_CUDA_CHECK(cudaMemcpyAsync(to + at, piece,
                                           static_cast<std::size_t>(n) * sizeof(float),
                                           cudaMemcpyDeviceToDevice, side_.get()));
    });
    PREFDYN_CUDA_CHECK(cudaStreamSynchronize(side_.get()));
}

template <class T>
void CudaWeights<T>::fetch(const LayerTensors& tensors) {
    const int which = 1 - current_;
    Copy& copy = copies_[which];
    if (copy.weights.layer == tensors.layer) return;
    StackedWeights<T>& w = copy.weights;
    w = copy.room;
    w.layer = tensors.layer;
    w.window = c_.window[static_cast<std::size_t>(tensors.layer)];
    copy.ran.hold(side_.get());
    PREFDYN_CUDA_CHECK(cudaMemsetAsync(copy.bad.data(), 0, copy.bad.bytes(), side_.get()));
    const auto put = [&](auto*& room, std::initializer_list<Part> parts) {
        auto* to = room;
        for (const Part part : parts) {
            if (!tensors[part].present()) continue;
            convert_to(tensors[part], to, copy.bad.data() + static_cast<int>(part));
            to += tensors[part].elements();
        }
        if (to == room) room = nullptr;
    };
    put(w.input_norm, {Part::kInputNorm});
    put(w.qkv, {Part::kQuery, Part::kKey, Part::kValue});
    put(w.qkv_bias, {Part::kQueryBias, Part::kKeyBias, Part::kValueBias});
    put(w.output, {Part::kOutput});
    put(w.output_bias, {Part::kOutputBias});
    put(w.post_norm, {Part::kMlpNorm});
    put(w.gate_up, {Part::kGate, Part::kUp});
    put(w.gate_up_bias, {Part::kGateBias, Part::kUpBias});
    put(w.down, {Part::kDown});
    put(w.down_bias, {Part::kDownBias});
    PREFDYN_CUDA_CHECK(
        cudaMemcpyAsync(static_cast<int*>(flags_.data()) + which * static_cast<int>(kParts),
                        copy.bad.data(), copy.bad.bytes(), cudaMemcpyDeviceToHost, side_.get()));
    copy.came.record(side_.get());
}

template <class T>
int CudaWeights<T>::load(const LayerTensors& tensors) {
    fetch(tensors);
    current_ = 1 - current_;
    copies_[current_].came.wait();
    constexpr int kCount = static_cast<int>(kParts);
    const int* bad = static_cast<const int*>(flags_.data()) + current_ * kCount;
    for (int part = 0; part < kCount; ++part)
        if (bad[part] != 0) return part;
    return -1;
}

template class CudaWeights<float>;
template class CudaWeights<Bfloat16>;

}  // namespace prefdyn::transformer::device
