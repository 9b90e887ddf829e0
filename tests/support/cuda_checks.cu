#include "sim/lm/model/device/cuda_kernels.cuh"
#include "tests/support/cuda_checks.hpp"

namespace prefdyn::transformer::device::checks {

namespace {

using ::prefdyn::cuda::DeviceArray;
using ::prefdyn::cuda::stream;
using ::prefdyn::cuda::wait;

template <class X>
DeviceArray<X> up(const X* values, long count) {
    DeviceArray<X> out(static_cast<std::size_t>(count), "a test's values");
    if (values) out.upload(values, static_cast<std::size_t>(count));
    return out;
}

/// Every byte 0xff: NaN in either type.
template <class T>
DeviceArray<T> poisoned(long count) {
    DeviceArray<T> out(static_cast<std::size_t>(count), "a test's result");
    PREFDYN_CUDA_CHECK(cudaMemsetAsync(out.data(), 0xff, out.bytes(), stream()));
    return out;
}

/// Values rounded to T.
template <class T>
DeviceArray<T> rounded(const float* values, long count) {
    const DeviceArray<float> plain = up(values, count);
    DeviceArray<T> out = poisoned<T>(count);
    const DeviceArray<int> bad = up<int>(nullptr, 1);
    device::convert<T>(stream(), plain.data(), Dtype::kF32, count, out.data(), bad.data());
    return out;
}

template <class T>
void down(const DeviceArray<T>& values, float* to) {
    DeviceArray<float> plain = poisoned<float>(static_cast<long>(values.size()));
    const DeviceArray<int> bad = up<int>(nullptr, 1);
    constexpr Dtype kType = sizeof(T) == 4 ? Dtype::kF32 : Dtype::kBF16;
    device::convert<float>(stream(), values.data(), kType, static_cast<long>(values.size()),
                           plain.data(), bad.data());
    plain.download(to, plain.size());
    wait();
}

/// work(T{}) with the type of the precision.
template <class Work>
auto with_type(Precision precision, Work work) {
    return precision == Precision::kBfloat16 ? work(Bfloat16{}) : work(float{});
}

}  // namespace

void rms_norm(Precision precision, const float* x, const float* w, double epsilon, long rows,
              long d, float* y) {
    with_type(precision, [&](auto type) {
        using T = decltype(type);
        const DeviceArray<float> in = up(x, rows * d), weights = up(w, d);
        const DeviceArray<T> out = poisoned<T>(rows * d);
        device::rms_norm(stream(), in.data(), weights.data(), epsilon, rows, d, out.data());
        down(out, y);
        return 0;
    });
}

void rotate(Precision precision, const Turn& t, long rows, float* qkv) {
    with_type(precision, [&](auto type) {
        using T = decltype(type);
        const long width = (t.heads + 2 * t.kv_heads) * t.head_size;
        const long angles = t.positions * t.head_size / 2;
        const DeviceArray<float> bias = up(t.bias, t.bias ? width : 0);
        const DeviceArray<float> cosine = up(t.cosine, angles), sine = up(t.sine, angles);
        const DeviceArray<int> position = up(t.position, rows);
        const DeviceArray<T> values = rounded<T>(qkv, rows * width);
        device::rotate(stream(),
                       Rotation{bias.data(), cosine.data(), sine.data(), position.data(),
                                static_cast<int>(t.heads), static_cast<int>(t.kv_heads),
                                static_cast<int>(t.head_size)},
                       rows, values.data());
        down(values, qkv);
        return 0;
    });
}

void attend(Precision precision, const Heads& s, const std::vector<Prompt>& prompts,
            const float* qkv, float* out) {
    with_type(precision, [&](auto type) {
        using T = decltype(type);
        std::vector<Tile> list;
        for (const Prompt& prompt : prompts) add_tiles(prompt, kTile, list);
        const long tokens = prompts.back().first + prompts.back().length;
        const long width = (s.heads + 2 * s.kv_heads) * s.size;
        const DeviceArray<Tile> tiles = up(list.data(), static_cast<long>(list.size()));
        const DeviceArray<T> in = rounded<T>(qkv, tokens * width);
        const DeviceArray<T> mixed = poisoned<T>(tokens * s.heads * s.size);
        device::attend(stream(), s, tiles.data(), static_cast<long>(list.size()), in.data(),
                       mixed.data());
        down(mixed, out);
        return 0;
    });
}

void gate(Precision precision, const float* both, const float* bias, long rows, long f,
          float* gated) {
    with_type(precision, [&](auto type) {
        using T = decltype(type);
        const DeviceArray<T> in = rounded<T>(both, rows * 2 * f);
        const DeviceArray<float> biases = up(bias, bias ? 2 * f : 0);
        const DeviceArray<T> out = poisoned<T>(rows * f);
        device::gate(stream(), in.data(), biases.data(), rows, f, out.data());
        down(out, gated);
        return 0;
    });
}

bool convert(Precision precision, Dtype type, const void* from, long count, float* to) {
    return with_type(precision, [&](auto target) {
        using T = decltype(target);
        const long bytes = count * (type == Dtype::kF32 ? 4 : 2);
        const auto raw = up(static_cast<const unsigned char*>(from), bytes);
        const DeviceArray<T> out = poisoned<T>(count);
        DeviceArray<int> bad(1, "a flag");
        bad.clear();
        device::convert<T>(stream(), raw.data(), type, count, out.data(), bad.data());
        int flag = -1;
        bad.download(&flag, 1);
        wait();
        down(out, to);
        return flag == 0;
    });
}

}  // namespace prefdyn::transformer::device::checks
