#include <initializer_list>

#include "sim/lm/model/cuda_weights.cuh"

namespace prefdyn::transformer::card {

namespace {

using ::prefdyn::cuda::DeviceArray;

std::size_t size_of(Number type) { return type == Number::kF32 ? 4 : 2; }

/// Gives out stretches of one allocation; without one it only counts.
class Cutter {
  public:
    explicit Cutter(unsigned char* memory) : memory_(memory) {}
    template <class T>
    T* take(long count) {
        constexpr std::size_t kAlign = 256;
        const std::size_t at = used_;
        used_ += (static_cast<std::size_t>(count) * sizeof(T) + kAlign - 1) / kAlign * kAlign;
        return memory_ ? reinterpret_cast<T*>(memory_ + at) : nullptr;
    }
    std::size_t used() const { return used_; }

  private:
    unsigned char* memory_;
    std::size_t used_ = 0;
};

}  // namespace

/// Room for every bias: they are small.
template <class T>
void Weights<T>::lay_out(Copy& copy, bool measure_only, std::size_t& bytes) {
    Cutter cut(measure_only ? nullptr : copy.memory.data());
    LayerWeights<T>& w = copy.room;
    w.qkv = cut.take<T>(shape_.width() * shape_.hidden);
    w.output = cut.take<T>(shape_.hidden * shape_.mixed());
    w.gate_up = cut.take<T>(2 * shape_.ffn * shape_.hidden);
    w.down = cut.take<T>(shape_.hidden * shape_.ffn);
    w.input_norm = cut.take<float>(shape_.hidden);
    w.post_norm = cut.take<float>(shape_.hidden);
    w.qkv_bias = cut.take<float>(shape_.width());
    w.output_bias = cut.take<float>(shape_.hidden);
    w.gate_up_bias = cut.take<float>(2 * shape_.ffn);
    w.down_bias = cut.take<float>(shape_.hidden);
    bytes = cut.used();
}

template <class T>
Weights<T>::Weights(const Shape& shape, const Settings& settings)
    : shape_(shape), pipe_(settings, side_.get()), flags_(2 * kParts * sizeof(int)) {
    for (Copy& copy : copies_) {
        std::size_t bytes = 0;
        lay_out(copy, true, bytes);
        copy.memory = DeviceArray<unsigned char>(
            bytes, "the weights of a layer",
            sizeof(T) == 4 ? "--precision bfloat16 halves it; --device cpu needs none"
                           : "--device cpu");
        copy.bad = DeviceArray<int>(kParts, "flags");
        lay_out(copy, false, bytes);
    }
    ::prefdyn::cuda::wait();  // the side stream may use what the thread's has allocated
}

template <class T>
template <class To>
void Weights<T>::convert_to(const Source& source, To* to, int* bad) {
    pipe_.bring(source.bytes, source.count, size_of(source.type),
                [&](long at, long count, const void* piece) {
                    convert<To>(side_.get(), piece, source.type, count, to + at, bad);
                });
}

template <class T>
void Weights<T>::bring(const float* from, long count, float* to) {
    pipe_.bring(from, count, sizeof(float), [&](long at, long n, const void* piece) {
        PREFDYN_CUDA_CHECK(cudaMemcpyAsync(to + at, piece,
                                           static_cast<std::size_t>(n) * sizeof(float),
                                           cudaMemcpyDeviceToDevice, side_.get()));
    });
    PREFDYN_CUDA_CHECK(cudaStreamSynchronize(side_.get()));
}

template <class T>
void Weights<T>::fetch(const LayerSource& source) {
    const int which = 1 - held_;
    Copy& copy = copies_[which];
    if (copy.weights.layer == source.layer) return;
    LayerWeights<T>& w = copy.weights;
    w = copy.room;
    w.layer = source.layer;
    w.window = source.window;
    copy.ran.hold(side_.get());
    PREFDYN_CUDA_CHECK(cudaMemsetAsync(copy.bad.data(), 0, copy.bad.bytes(), side_.get()));
    const auto put = [&](auto*& room, std::initializer_list<int> parts) {
        auto* to = room;
        for (const int part : parts) {
            convert_to(source.part[part], to, copy.bad.data() + part);
            to += source.part[part].count;
        }
        if (to == room) room = nullptr;
    };
    put(w.input_norm, {kInputNorm});
    put(w.qkv, {kQuery, kKey, kValue});
    put(w.qkv_bias, {kQueryBias, kKeyBias, kValueBias});
    put(w.output, {kOutput});
    put(w.output_bias, {kOutputBias});
    put(w.post_norm, {kPostNorm});
    put(w.gate_up, {kGate, kUp});
    put(w.gate_up_bias, {kGateBias, kUpBias});
    put(w.down, {kDown});
    put(w.down_bias, {kDownBias});
    PREFDYN_CUDA_CHECK(cudaMemcpyAsync(static_cast<int*>(flags_.data()) + which * kParts,
                                       copy.bad.data(), copy.bad.bytes(), cudaMemcpyDeviceToHost,
                                       side_.get()));
    copy.came.record(side_.get());
}

template <class T>
int Weights<T>::hold(const LayerSource& source) {
    fetch(source);
    held_ = 1 - held_;
    copies_[held_].came.wait();
    const int* bad = static_cast<const int*>(flags_.data()) + held_ * kParts;
    for (int part = 0; part < kParts; ++part)
        if (bad[part] != 0) return part;
    return -1;
}

template class Weights<float>;
template class Weights<Bf16>;

}  // namespace prefdyn::transformer::card
