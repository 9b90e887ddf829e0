#include "sim/lm/model/tensor.hpp"

#include <bit>
#include <cmath>
#include <cstring>

#include "sim/base/failure.hpp"

namespace prefdyn::transformer {

namespace {

float from_bfloat(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// sign 1, exponent 5 (bias 15), mantissa 10; subnormals are mantissa 2^-24.
float from_half(std::uint16_t bits) {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
    const std::uint32_t rest = bits & 0x7fffu;
    float size;
    if (rest >= 0x7c00u)
        size = std::bit_cast<float>(0x7f800000u | ((rest & 0x3ffu) << 13));
    else if (rest >= 0x400u)
        size = std::bit_cast<float>((rest << 13) + (112u << 23));
    else
        size = static_cast<float>(rest) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(size) | sign);
}

template <class Convert>
void convert_half_words(const std::byte* in, Index count, float* out, Convert convert) {
    for (Index i = 0; i < count; ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, in + 2 * i, 2);
        out[i] = convert(bits);
    }
}

constexpr Index kBlock = 4096;

}  // namespace

Index Tensor::elements() const {
    Index product = 1;
    for (const Index extent : shape) product *= extent;
    return product;
}

void to_float(const Tensor& tensor, Index first, Index count, float* out) {
    const std::byte* bytes = tensor.bytes.data();
    switch (tensor.dtype) {
        case Dtype::kF32:
            std::memcpy(out, bytes + 4 * first, 4 * static_cast<std::size_t>(count));
            return;
        case Dtype::kF16:
            return convert_half_words(bytes + 2 * first, count, out, from_half);
        case Dtype::kBF16:
            return convert_half_words(bytes + 2 * first, count, out, from_bfloat);
        case Dtype::kOther:
            break;
    }
    throw InputError(tensor.file + ": tensor " + tensor.name + " has type " + tensor.dtype_name +
                         ", weights are F32, F16 or BF16",
                     "quantised checkpoints are not run");
}

void require_finite(const Tensor& tensor, Index first, Index count) {
    std::vector<float> block(static_cast<std::size_t>(std::min(count, kBlock)));
    for (Index at = first; at < first + count; at += kBlock) {
        const Index n = std::min(kBlock, first + count - at);
        to_float(tensor, at, n, block.data());
        bool finite = true;
        for (Index i = 0; i < n; ++i)
            finite &= std::fabs(block[static_cast<std::size_t>(i)]) <= 3.4028235e38f;
        if (finite) continue;
        for (Index i = 0; i < n; ++i)
            if (const float value = block[static_cast<std::size_t>(i)]; !std::isfinite(value))
                throw InputError(tensor.file + ": tensor " + tensor.name + ", element " +
                                     std::to_string(at + i) + " is " + std::to_string(value) +
                                     ", weights must be finite",
                                 "the checkpoint is damaged or its training diverged");
    }
}

std::string shape_text(const std::vector<Index>& shape) {
    std::string text = "[";
    for (const Index extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
    return text + "]";
}

}  // namespace prefdyn::transformer
