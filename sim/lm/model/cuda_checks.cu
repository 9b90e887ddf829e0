#include "sim/lm/model/cuda_checks.hpp"
#include "sim/lm/model/cuda_kernels.cuh"

namespace prefdyn::transformer::card::checks {

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
    card::convert<T>(stream(), plain.data(), Number::kF32, count, out.data(), bad.data());
    return out;
}

template <class T>
void down(const DeviceArray<T>& values, float* to) {
    DeviceArray<float> plain = poisoned<float>(static_cast<long>(values.size()));
    const DeviceArray<int> bad = up<int>(nullptr, 1);
    constexpr Number kType = sizeof(T) == 4 ? Number::kF32 : Number::kBF16;
    card::convert<float>(stream(), values.data(), kType, static_cast<long>(values.size()),
                         plain.data(), bad.data());
    plain.download(to, plain.size());
    wait();
}

/// work(T{}) with the type of the precision.
template <class Work>
auto with_type(Precision precision, Work work) {
    return precision == Precision::kBfloat16 ? work(Bf16{}) : work(float{});
}

}  // namespace

void rms_norm(Precision precision, const float* x, const float* w, double epsilon, long rows,
              long d, float* y) {
    with_type(precision, [&](auto type) {
        using T = decltype(type);
        const DeviceArray<float> in = up(x, rows * d), weights = up(w, d);
        const DeviceArray<T> out = poisoned<T>(rows * d);
        card::rms_norm(stream(), in.data(), weights.data(), epsilon, rows, d, out.data());
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
        card::rotate(stream(),
                     Rotation{bias.data(), cosine.data(), sine.data(), position.data(),
                              static_cast<int>(t.heads), static_cast<int>(t.kv_heads),
                              static_cast<int>(t.head_size)},
                     rows, values.data());
        down(values, qkv);
        return 0;
    });
}

void attend(Precision precision, const Shape& s, long window, const std::vector<Span>& prompts,
            const float* qkv, float* out) {
    with_type(precision, [&](auto type) {
        using T = decltype(type);
        std::vector<Tile> list;
        for (const Span& prompt : prompts)
            for (long query = 0; query < prompt.length; query += kTile)
                list.push_back({static_cast<int>(prompt.first), static_cast<int>(prompt.length),
                                static_cast<int>(query)});
        const long tokens = prompts.back().first + prompts.back().length;
        const DeviceArray<Tile> tiles = up(list.data(), static_cast<long>(list.size()));
        const DeviceArray<T> in = rounded<T>(qkv, tokens * s.width());
        const DeviceArray<T> mixed = poisoned<T>(tokens * s.mixed());
        card::attend(stream(),
                     Heads{static_cast<int>(s.heads), static_cast<int>(s.kv_heads),
                           static_cast<int>(s.head_size), static_cast<int>(window)},
                     tiles.data(), static_cast<long>(list.size()), in.data(), mixed.data());
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
        card::gate(stream(), in.data(), biases.data(), rows, f, out.data());
        down(out, gated);
        return 0;
    });
}

bool convert(Precision precision, Number type, const void* from, long count, float* to) {
    return with_type(precision, [&](auto target) {
        using T = decltype(target);
        const long bytes = count * (type == Number::kF32 ? 4 : 2);
        const auto raw = up(static_cast<const unsigned char*>(from), bytes);
        const DeviceArray<T> out = poisoned<T>(count);
        DeviceArray<int> bad(1, "a flag");
        bad.clear();
        card::convert<T>(stream(), raw.data(), type, count, out.data(), bad.data());
        int flag = -1;
        bad.download(&flag, 1);
        wait();
        down(out, to);
        return flag == 0;
    });
}

}  // namespace prefdyn::transformer::card::checks
