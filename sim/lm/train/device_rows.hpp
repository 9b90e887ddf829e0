#pragma once
// What a model does before its layers and behind them: tasks for a Machine (see device_layer.hpp).
// Each has its twin in objective.cpp or sequence_model.cpp.

#include "sim/lm/model/device/number.hpp"
#include "sim/lm/train/element.hpp"

namespace prefdyn::finetune::device {

using namespace transformer::device;

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

/// Rows of y = x (n, d); no row is named twice.
struct Scatter {
    const float* x;
    const int* row;
    long d;
    float* y;
    PREFDYN_HD void operator()(long i) const { y[row[i / d] * d + i % d] = x[i]; }
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

/// dlogits (n, V), a group for a row: -total softmax, and for the row's entries begin[row] ...,
/// tokens all different, their share on top.
template <class T>
struct LogitBackward {
    const float* logits;
    const double *logsumexp, *total, *share;
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
            logit_slope(static_cast<double>(z[v]), logsumexp[row], total[row]) + on_top);
    }
};

}  // namespace prefdyn::finetune::device
