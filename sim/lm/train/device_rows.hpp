#pragma once
// What lies between the products, element by element or row by row: tasks for a Machine (see
// device_model.hpp). Each has its twin in elementwise.hpp, objective.hpp or sequence_model.cpp.

#include "sim/lm/train/device_number.hpp"
#include "sim/lm/train/element.hpp"

namespace prefdyn::finetune::card {

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
            y[row * d + j] = from_float<T>(to_float(w[j]) * (in[j] * r));
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

/// x (T, heads 2 half): pairs (c, c + half) turned by the angle of the token's position, the other
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
        const float a = to_float(pair[0]), b = to_float(pair[half]);
        const float cos = cosine[angle], sin = direction * sine[angle];
        pair[0] = from_float<T>(a * cos - b * sin);
        pair[half] = from_float<T>(b * cos + a * sin);
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
        a[i] = from_float<T>(swish_gate(to_float(g[i]), to_float(u[i])));
    }
};

/// dg may be da.
template <class T>
struct GateBackward {
    const T *g, *u, *da;
    T *dg, *du;
    PREFDYN_HD void operator()(long i) const {
        float left, right;
        swish_gate_backward(to_float(g[i]), to_float(u[i]), to_float(da[i]), left, right);
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

/// x (T, d) = rows of the embedding.
template <class T>
struct LookUp {
    const T* table;
    const int* id;
    long d;
    float* x;
    PREFDYN_HD void operator()(long i) const { x[i] = to_float(table[id[i / d] * d + i % d]); }
};

/// Row id[k] of the gradient += the sum of dx over tokens order[begin[k]] ... : no two tasks write
/// one element.
struct LookUpBackward {
    const float* dx;
    const int *id, *begin, *order;
    long d;
    float* gradient;
    PREFDYN_HD void operator()(long i) const {
        const long k = i / d, c = i % d;
        float sum = 0.0f;
        for (int at = begin[k]; at < begin[k + 1]; ++at) sum += dx[order[at] * d + c];
        gradient[id[k] * d + c] += sum;
    }
};

/// y (n, d) = rows of x.
struct Gather {
    const float* x;
    const int* row;
    long d;
    float* y;
    PREFDYN_HD void operator()(long i) const { y[i] = x[row[i / d] * d + i % d]; }
};

/// Rows of y = x (n, d); no row is named twice.
struct Scatter {
    const float* x;
    const int* row;
    long d;
    float* y;
    PREFDYN_HD void operator()(long i) const { y[row[i / d] * d + i % d] = x[i]; }
};

struct Fill {
    float value;
    float* x;
    PREFDYN_HD void operator()(long i) const { x[i] = value; }
};

/// *bad = 1 if a value is NaN or infinite.
struct FindBad {
    const float* x;
    int* bad;
    PREFDYN_HD void operator()(long i) const {
        if (!(std::fabs(x[i]) <= 3.4028235e38f)) *bad = 1;
    }
};

/// Per row of logits (n, V), a group for a row; scratch: two values for every member.
struct ScoreLogits {
    const float* logits;
    long V;
    double *logsumexp, *entropy, *mean;
    int *top, *bad;

    static long scratch(long members) { return 2 * members; }

    template <class Group>
    PREFDYN_HD void operator()(Group& g, long row) const {
        const float* z = logits + row * V;
        const long best = likeliest(g, z);
        double total = 0.0, weighted = 0.0, sum = 0.0;
        for (long v = g.rank(); v < V; v += g.size()) {
            const double below = static_cast<double>(z[v]) - static_cast<double>(z[best]);
            const double weight = std::exp(below);
            total += weight;
            weighted += weight * below;
            sum += static_cast<double>(z[v]);
        }
        total = g.sum(total);
        weighted = g.sum(weighted);
        sum = g.sum(sum);
        if (g.rank() != 0) return;
        top[row] = static_cast<int>(best);
        logsumexp[row] = static_cast<double>(z[best]) + std::log(total);
        entropy[row] = std::log(total) - weighted / total;
        mean[row] = sum / static_cast<double>(V);
        if (!(std::fabs(sum) <= 1.7976931348623157e308)) *bad = 1;
    }

  private:
    /// Of equal ones the first.
    template <class Group>
    PREFDYN_HD long likeliest(Group& g, const float* z) const {
        float* value = g.scratch();
        int* index = reinterpret_cast<int*>(value + g.size());
        long best = g.rank() < V ? g.rank() : 0;
        for (long v = best; v < V; v += g.size())
            if (z[v] > z[best]) best = v;
        value[g.rank()] = z[best];
        index[g.rank()] = static_cast<int>(best);
        g.sync();
        int out = 0;
        for (int k = 1; k < g.size(); ++k)
            if (value[k] > value[out] || (value[k] == value[out] && index[k] < index[out])) out = k;
        return index[out];
    }
};

struct TokenLogit {
    const float* logits;
    const int *row, *token;
    long V;
    float* out;
    PREFDYN_HD void operator()(long k) const { out[k] = logits[row[k] * V + token[k]]; }
};

/// dlogits (n, V), a group for a row: -pull softmax, and for the row's entries begin[row] ...,
/// tokens all different, their share on top.
template <class T>
struct LogitBackward {
    const float* logits;
    const double *logsumexp, *pull, *share;
    const int *begin, *token;
    long V;
    T* dlogits;

    template <class Group>
    PREFDYN_HD void operator()(Group& g, long row) const {
        const float* z = logits + row * V;
        T* out = dlogits + row * V;
        for (long v = g.rank(); v < V; v += g.size()) out[v] = from_float<T>(slope(z, row, v, 0.0));
        g.sync();
        for (int e = begin[row] + g.rank(); e < begin[row + 1]; e += g.size())
            out[token[e]] = from_float<T>(slope(z, row, token[e], share[e]));
    }

  private:
    PREFDYN_HD float slope(const float* z, long row, long v, double on_top) const {
        return static_cast<float>(
            logit_slope(static_cast<double>(z[v]), logsumexp[row], pull[row]) + on_top);
    }
};

}  // namespace prefdyn::finetune::card
