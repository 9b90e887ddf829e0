// What the card can do: one large product over and over.
#include <cstdint>

#include "sim/lm/model/device/cuda_layer.hpp"
#include "sim/lm/model/device/cuda_machine.cuh"

namespace prefdyn::transformer::device {

namespace {

using ::prefdyn::cuda::DeviceArray;

/// Uniform in [-1, 1), in 2^16 steps. On zeros a card draws less power and is faster.
template <class T>
struct Noise {
    std::uint32_t seed;
    T* to;
    PREFDYN_HD void operator()(long i) const {
        std::uint32_t bits = static_cast<std::uint32_t>(i) * 2654435761u + seed;
        bits = (bits ^ (bits >> 16)) * 2246822519u;
        bits = (bits ^ (bits >> 13)) * 3266489917u;
        to[i] = from_float<T>(static_cast<float>(bits >> 16) / 32768.0f - 1.0f);
    }
};

/// The mean over about half a second, as long as clocks need to settle.
template <class T>
double rate_of(Precision precision, long n) {
    const CudaMachine machine(precision);
    const auto filled = [&](std::uint32_t seed) {
        DeviceArray<T> out(static_cast<std::size_t>(n * n), "a factor", "a smaller card's bench");
        machine.each(n * n, Noise<T>{seed, out.data()});
        return out;
    };
    const DeviceArray<T> a = filled(1), b = filled(2), c = filled(3);
    const auto product = [&](int times) {
        for (int k = 0; k < times; ++k)
            machine.multiply(Times::kForward, n, n, n, a.data(), b.data(), 0.0f, c.data());
    };
    product(2);
    const double one = ::prefdyn::cuda::seconds_of([&] { product(2); }) / 2.0;
    const int times = one > 0.1 ? 5 : static_cast<int>(0.5 / one) + 1;
    const double seconds = ::prefdyn::cuda::seconds_of([&] { product(times); }) / times;
    const auto extent = static_cast<double>(n);
    return 2.0 * extent * extent * extent / seconds;
}

}  // namespace

double matrix_rate(Precision precision, long n) {
    return precision == Precision::kBfloat16 ? rate_of<Bfloat16>(precision, n)
                                             : rate_of<float>(precision, n);
}

}  // namespace prefdyn::transformer::device
