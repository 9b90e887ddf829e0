#pragma once
// What lies between a layer's products, element by element or row by row: tasks for a Machine (see
// device_layer.hpp). Each has its twin in elementwise.hpp.

#include "sim/lm/model/device/number.hpp"
#include "sim/lm/model/element.hpp"

namespace prefdyn::transformer::device {

/// y (rows, d) = w x r, a group for a row.
template <class T>
struct Norm {
    const float* x;
    const T* w;
    double epsilon;
    long d;
    T* y;

    template <class Group>
    PREFDYN_HD void operator()(Group& g, long row) const {
        const float* in = x + row * d;
        double squares = 0.0;
        for (long j = g.rank(); j < d; j += g.size())
            squares += static_cast<double>(in[j]) * static_cast<double>(in[j]);
        const auto r =
            static_cast<float>(inverse_rms(g.sum(squares), static_cast<double>(d), epsilon));
        for (long j = g.rank(); j < d; j += g.size())
            y[row * d + j] = from_float<T>(normed(to_float(w[j]), in[j], r));
    }
};

/// dx (rows, d) += the gradient of Norm; scale (rows) = r.
template <class T>
struct NormBackward {
    const float* x;
    const T* w;
    const float* dy;
    double epsilon;
    long d;
    float* dx;
    double* scale;

    template <class Group>
    PREFDYN_HD void operator()(Group& g, long row) const {
        const long at = row * d;
        double squares = 0.0, along = 0.0;
        for (long j = g.rank(); j < d; j += g.size()) {
            const double value = x[at + j];
            squares += value * value;
            along += static_cast<double>(to_float(w[j])) * dy[at + j] * value;
        }
        const double r = inverse_rms(g.sum(squares), static_cast<double>(d), epsilon);
        const NormSlope slope(r, g.sum(along), static_cast<double>(d));
        for (long j = g.rank(); j < d; j += g.size())
            dx[at + j] += slope(x[at + j], to_float(w[j]), dy[at + j]);
        if (g.rank() == 0) scale[row] = r;
    }
};

/// dw_j += sum over rows of r dy x.
struct NormWeight {
    const float *x, *dy;
    const double* scale;
    long rows, d;
    float* dw;

    PREFDYN_HD void operator()(long j) const {
        double sum = 0.0;
        for (long t = 0; t < rows; ++t)
            sum +=
                scale[t] * static_cast<double>(dy[t * d + j]) * static_cast<double>(x[t * d + j]);
        dw[j] += static_cast<float>(sum);
    }
};

/// x (T, heads 2 half): pairs (c, c + half) rotated by the angle of the token's position, the other
/// way for direction -1.
template <class T>
struct Rotate {
    const float *cosine, *sine;
    const int* position;
    long heads, half;
    float direction;
    T* x;

    PREFDYN_HD void operator()(long i) const {
        const long token = i / (heads * half), rest = i % (heads * half), c = rest % half;
        const long angle = position[token] * half + c;
        T* pair = x + (token * heads + rest / half) * 2 * half + c;
        float a = to_float(pair[0]), b = to_float(pair[half]);
        rotate_pair(a, b, cosine[angle], direction * sine[angle]);
        pair[0] = from_float<T>(a);
        pair[half] = from_float<T>(b);
    }
};

template <class T, class Y>
struct AddBias {
    const T* bias;
    long cols;
    Y* y;
    PREFDYN_HD void operator()(long i) const {
        y[i] = from_float<Y>(to_float(y[i]) + to_float(bias[i % cols]));
    }
};

/// db_j += sum over rows of dy.
template <class T>
struct BiasBackward {
    const T* dy;
    long rows, cols;
    float* db;
    PREFDYN_HD void operator()(long j) const {
        double sum = 0.0;
        for (long t = 0; t < rows; ++t) sum += static_cast<double>(to_float(dy[t * cols + j]));
        db[j] += static_cast<float>(sum);
    }
};

template <class T>
struct Gate {
    const T *g, *u;
    T* a;
    PREFDYN_HD void operator()(long i) const {
        a[i] = from_float<T>(gate(to_float(g[i]), to_float(u[i])));
    }
};

/// dg may be da.
template <class T>
struct GateBackward {
    const T *g, *u, *da;
    T *dg, *du;
    PREFDYN_HD void operator()(long i) const {
        float left, right;
        gate_backward(to_float(g[i]), to_float(u[i]), to_float(da[i]), left, right);
        dg[i] = from_float<T>(left);
        du[i] = from_float<T>(right);
    }
};

template <class T>
struct Round {
    const float* x;
    T* y;
    PREFDYN_HD void operator()(long i) const { y[i] = from_float<T>(x[i]); }
};

template <class T>
struct Widen {
    const T* x;
    float* y;
    PREFDYN_HD void operator()(long i) const { y[i] = to_float(x[i]); }
};

/// y (n, d) = rows of x.
struct Gather {
    const float* x;
    const int* row;
    long d;
    float* y;
    PREFDYN_HD void operator()(long i) const { y[i] = x[row[i / d] * d + i % d]; }
};

/// *bad = 1 if a value is NaN or infinite.
struct FindBad {
    const float* x;
    int* bad;
    PREFDYN_HD void operator()(long i) const {
        if (!(std::fabs(x[i]) <= 3.4028235e38f)) *bad = 1;
    }
};

}  // namespace prefdyn::transformer::device
