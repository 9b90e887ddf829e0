#pragma once
// From the gradient to new weights: tasks for a Machine. Twins: trainable.cpp, update_rule.cpp.

#include "sim/lm/model/device/number.hpp"
#include "sim/lm/train/element.hpp"

namespace prefdyn::finetune::device {

using namespace transformer::device;

/// out[piece] = inner product of x and y over elements [piece kPiece, (piece + 1) kPiece); a group
/// for a piece. Sums of pieces do not depend on how many groups run at a time.
struct Product {
    static constexpr long kPiece = 1 << 14;
    const float *x, *y;
    long count;
    double* out;

    static long pieces(long count) { return (count + kPiece - 1) / kPiece; }

    template <class Group>
    PREFDYN_HD void operator()(Group& g, long piece) const {
        const long begin = piece * kPiece, left = count - begin;
        const long end = begin + (left < kPiece ? left : kPiece);
        double sum = 0.0;
        for (long i = begin + g.rank(); i < end; i += g.size())
            sum += static_cast<double>(x[i]) * static_cast<double>(y[i]);
        sum = g.sum(sum);
        if (g.rank() == 0) out[piece] = sum;
    }
};

/// w (out, in) = base + scale B A.
template <class T>
struct AddAdapter {
    const float *base, *a, *b;
    long rank, in;
    float scale;
    T* w;
    PREFDYN_HD void operator()(long i) const {
        const long o = i / in, c = i % in;
        float change = 0.0f;
        for (long r = 0; r < rank; ++r) change += b[o * rank + r] * a[r * in + c];
        w[i] = from_float<T>(base[i] + scale * change);
    }
};

/// dA (r, in) = scale B^T dW.
struct AdapterGradientA {
    const float *b, *dw;
    long rank, out, in;
    float scale;
    float* da;
    PREFDYN_HD void operator()(long i) const {
        const long r = i / in, c = i % in;
        float sum = 0.0f;
        for (long o = 0; o < out; ++o) sum += b[o * rank + r] * dw[o * in + c];
        da[i] = scale * sum;
    }
};

/// dB (out, r) = scale dW A^T, a group for an element.
struct AdapterGradientB {
    const float *a, *dw;
    long rank, in;
    float scale;
    float* db;
    template <class Group>
    PREFDYN_HD void operator()(Group& g, long i) const {
        const float *left = dw + i / rank * in, *right = a + i % rank * in;
        double sum = 0.0;
        for (long c = g.rank(); c < in; c += g.size())
            sum += static_cast<double>(left[c]) * static_cast<double>(right[c]);
        sum = g.sum(sum);
        if (g.rank() == 0) db[i] = static_cast<float>(scale * sum);
    }
};

}  // namespace prefdyn::finetune::device
