#pragma once
// Causal attention (see attention.hpp) in tiles of R queries and R keys, so that no n x n matrix is
// ever held: tasks for a Machine, a group for a tile of one head. The forward pass keeps the
// softmax's logarithm of the sum; the backward pass makes P = exp(q k / sqrt(h) - logsumexp) anew.

#include <vector>

#include "sim/lm/model/device/number.hpp"
#include "sim/lm/model/element.hpp"
#include "sim/lm/model/tensor.hpp"

namespace prefdyn::transformer::device {

/// Tokens [begin, begin + R) of the sequence that is tokens [first, first + length) of a batch.
struct Tile {
    int first, length, begin;
};

/// Adds those of one sequence, `rows` queries each.
inline void add_tiles(const Prompt& sequence, Index rows, std::vector<Tile>& tiles) {
    for (Index begin = 0; begin < sequence.length; begin += rows)
        tiles.push_back({static_cast<int>(sequence.first), static_cast<int>(sequence.length),
                         static_cast<int>(begin)});
}

/// R, so that what a group holds fits into 99 KiB for heads of up to 256.
inline int tile_rows(long head_size) { return head_size <= 64 ? 32 : 16; }

struct AttentionShape {
    int heads, kv_heads, size, window;  ///< H, K, h; window 0: all tokens before
    int rows;                           ///< R
    float scale;                        ///< 1 / sqrt(h)

    PREFDYN_HD int pitch() const { return size + 1; }
    PREFDYN_HD int tile() const { return rows * pitch(); }
    PREFDYN_HD int square() const { return rows * (rows + 1); }
    PREFDYN_HD bool sees(int query, int key) const {
        return key <= query && (window == 0 || key > query - window);
    }
    /// The first tile of keys that a tile of queries sees.
    PREFDYN_HD int first_key(int query) const {
        return window > 0 && query >= window ? (query - window + 1) / rows * rows : 0;
    }
};

/// Members fill tile (R, h) with rows [from, from + R) of x (n, stride), zero behind row n.
template <class Group, class T>
PREFDYN_HD void fetch(Group& g, const AttentionShape& s, const T* x, long stride, int from, int n,
                      float* tile) {
    for (int i = g.rank(); i < s.rows * s.size; i += g.size()) {
        const int r = i / s.size, c = i % s.size;
        tile[r * s.pitch() + c] = from + r < n ? to_float(x[(from + r) * stride + c]) : 0.0f;
    }
}

PREFDYN_HD inline float dot(const float* a, const float* b, int n) {
    float sum = 0.0f;
    for (int c = 0; c < n; ++c) sum += a[c] * b[c];
    return sum;
}

/// mixed (T, H h) and logsumexp (T, H); task: tile H + head.
template <class T>
struct Attend {
    AttentionShape s;
    const Tile* tiles;
    const T *query, *key, *value;
    T* mixed;
    float* logsumexp;

    long scratch() const { return 4L * s.tile() + s.square() + 3L * s.rows; }

    template <class Group>
    PREFDYN_HD void operator()(Group& g, long task) const {
        const Tile t = tiles[task / s.heads];
        const int head = static_cast<int>(task % s.heads), kv = head / (s.heads / s.kv_heads);
        const long wide = static_cast<long>(s.heads) * s.size;
        const long narrow = static_cast<long>(s.kv_heads) * s.size;
        float* q = g.scratch();
        float *k = q + s.tile(), *v = k + s.tile(), *mix = v + s.tile(), *weight = mix + s.tile();
        float *top = weight + s.square(), *total = top + s.rows, *keep = total + s.rows;
        fetch(g, s, query + t.first * wide + head * s.size, wide, t.begin, t.length, q);
        for (int i = g.rank(); i < s.tile(); i += g.size()) mix[i] = 0.0f;
        for (int r = g.rank(); r < s.rows; r += g.size()) top[r] = -INFINITY, total[r] = 0.0f;
        for (int from = s.first_key(t.begin); from <= t.begin; from += s.rows) {
            g.sync();
            fetch(g, s, key + t.first * narrow + kv * s.size, narrow, from, t.length, k);
            fetch(g, s, value + t.first * narrow + kv * s.size, narrow, from, t.length, v);
            g.sync();
            for (int i = g.rank(); i < s.rows * s.rows; i += g.size()) {
                const int r = i / s.rows, c = i % s.rows;
                weight[r * (s.rows + 1) + c] =
                    s.sees(t.begin + r, from + c)
                        ? s.scale * dot(q + r * s.pitch(), k + c * s.pitch(), s.size)
                        : -INFINITY;
            }
            g.sync();
            for (int r = g.rank(); r < s.rows; r += g.size())
                add_scores(weight + r * (s.rows + 1), top[r], total[r], keep[r]);
            g.sync();
            for (int i = g.rank(); i < s.rows * s.size; i += g.size()) {
                const int r = i / s.size, c = i % s.size;
                float sum = keep[r] * mix[r * s.pitch() + c];
                for (int j = 0; j < s.rows; ++j)
                    sum += weight[r * (s.rows + 1) + j] * v[j * s.pitch() + c];
                mix[r * s.pitch() + c] = sum;
            }
        }
        for (int i = g.rank(); i < s.rows * s.size; i += g.size()) {  // each its own elements
            const int r = i / s.size, c = i % s.size;
            if (t.begin + r < t.length)
                mixed[(t.first + t.begin + r) * wide + head * s.size + c] =
                    from_float<T>(mix[r * s.pitch() + c] / total[r]);
        }
        for (int r = g.rank(); r < s.rows; r += g.size())
            if (t.begin + r < t.length)
                logsumexp[static_cast<long>(t.first + t.begin + r) * s.heads + head] =
                    top[r] + std::log(total[r]);
    }

  private:
    /// Scores become exp(score - top); what was summed before is to be kept by the factor `keep`.
    PREFDYN_HD void add_scores(float* score, float& top, float& total, float& keep) const {
        float most = top;
        for (int c = 0; c < s.rows; ++c) most = score[c] > most ? score[c] : most;
        const SoftmaxStep step(most, top);
        float sum = 0.0f;
        for (int c = 0; c < s.rows; ++c) sum += score[c] = step.weight(score[c]);
        keep = step.rescale();
        total = total * keep + sum;
        top = most;
    }
};

/// along (T, H) = mixed . dmixed of a head, which is the row sum of P dP.
template <class T>
struct Along {
    int size;
    const T *mixed, *dmixed;
    float* along;
    PREFDYN_HD void operator()(long i) const {
        float sum = 0.0f;
        for (long c = i * size; c < (i + 1) * size; ++c)
            sum += to_float(mixed[c]) * to_float(dmixed[c]);
        along[i] = sum;
    }
};

template <class T>
struct AttentionTape {
    const T *query, *key, *value, *dmixed;
    const float *logsumexp, *along;
};

/// P and dS / sqrt(h) of one query and one key.
struct Slope {
    float weight, slope;
    PREFDYN_HD Slope(const AttentionShape& s, const float* q, const float* k, const float* v,
                     const float* dmixed, float logsumexp, float along)
        : weight(std::exp(s.scale * dot(q, k, s.size) - logsumexp)),
          slope(s.scale * weight * (dot(dmixed, v, s.size) - along)) {}
};

/// dquery (T, H h); task: tile H + head.
template <class T>
struct QueryBackward {
    AttentionShape s;
    const Tile* tiles;
    AttentionTape<T> tape;
    T* dquery;

    long scratch() const { return 5L * s.tile() + s.square(); }

    template <class Group>
    PREFDYN_HD void operator()(Group& g, long task) const {
        const Tile t = tiles[task / s.heads];
        const int head = static_cast<int>(task % s.heads), kv = head / (s.heads / s.kv_heads);
        const long wide = static_cast<long>(s.heads) * s.size;
        const long narrow = static_cast<long>(s.kv_heads) * s.size;
        const long at = t.first * wide + head * s.size, kv_at = t.first * narrow + kv * s.size;
        float* q = g.scratch();
        float *k = q + s.tile(), *v = k + s.tile(), *dmixed = v + s.tile(), *dq = dmixed + s.tile();
        float* slope = dq + s.tile();
        fetch(g, s, tape.query + at, wide, t.begin, t.length, q);
        fetch(g, s, tape.dmixed + at, wide, t.begin, t.length, dmixed);
        for (int i = g.rank(); i < s.tile(); i += g.size()) dq[i] = 0.0f;
        for (int from = s.first_key(t.begin); from <= t.begin; from += s.rows) {
            g.sync();
            fetch(g, s, tape.key + kv_at, narrow, from, t.length, k);
            fetch(g, s, tape.value + kv_at, narrow, from, t.length, v);
            g.sync();
            for (int i = g.rank(); i < s.rows * s.rows; i += g.size()) {
                const int r = i / s.rows, c = i % s.rows, token = t.begin + r;
                const long stat = static_cast<long>(t.first + token) * s.heads + head;
                slope[r * (s.rows + 1) + c] =
                    token < t.length && s.sees(token, from + c)
                        ? Slope(s, q + r * s.pitch(), k + c * s.pitch(), v + c * s.pitch(),
                                dmixed + r * s.pitch(), tape.logsumexp[stat], tape.along[stat])
                              .slope
                        : 0.0f;
            }
            g.sync();
            for (int i = g.rank(); i < s.rows * s.size; i += g.size()) {
                const int r = i / s.size, c = i % s.size;
                float sum = 0.0f;
                for (int j = 0; j < s.rows; ++j)
                    sum += slope[r * (s.rows + 1) + j] * k[j * s.pitch() + c];
                dq[r * s.pitch() + c] += sum;
            }
        }
        for (int i = g.rank(); i < s.rows * s.size; i += g.size()) {  // each its own elements
            const int r = i / s.size, c = i % s.size;
            if (t.begin + r < t.length)
                dquery[at + (t.begin + r) * wide + c] = from_float<T>(dq[r * s.pitch() + c]);
        }
    }
};

/// dkey and dvalue (T, K h), summed over the heads that share them; task: tile K + kv head.
template <class T>
struct KeyBackward {
    AttentionShape s;
    const Tile* tiles;
    AttentionTape<T> tape;
    T *dkey, *dvalue;

    long scratch() const { return 6L * s.tile() + 2L * s.square(); }

    template <class Group>
    PREFDYN_HD void operator()(Group& g, long task) const {
        const Tile t = tiles[task / s.kv_heads];
        const int kv = static_cast<int>(task % s.kv_heads), shared = s.heads / s.kv_heads;
        const long wide = static_cast<long>(s.heads) * s.size;
        const long narrow = static_cast<long>(s.kv_heads) * s.size;
        const long kv_at = t.first * narrow + kv * s.size;
        float* k = g.scratch();
        float *v = k + s.tile(), *q = v + s.tile(), *dmixed = q + s.tile();
        float *dk = dmixed + s.tile(), *dv = dk + s.tile();
        float *weight = dv + s.tile(), *slope = weight + s.square();
        fetch(g, s, tape.key + kv_at, narrow, t.begin, t.length, k);
        fetch(g, s, tape.value + kv_at, narrow, t.begin, t.length, v);
        for (int i = g.rank(); i < s.tile(); i += g.size()) dk[i] = dv[i] = 0.0f;
        const int end = s.window > 0 && t.begin + s.rows - 1 + s.window < t.length
                            ? t.begin + s.rows - 1 + s.window
                            : t.length;
        for (int head = kv * shared; head < (kv + 1) * shared; ++head)
            for (int from = t.begin; from < end; from += s.rows) {
                const long at = t.first * wide + head * s.size;
                g.sync();
                fetch(g, s, tape.query + at, wide, from, t.length, q);
                fetch(g, s, tape.dmixed + at, wide, from, t.length, dmixed);
                g.sync();
                for (int i = g.rank(); i < s.rows * s.rows; i += g.size()) {
                    const int r = i / s.rows, c = i % s.rows, token = from + r;
                    const int to = r * (s.rows + 1) + c;
                    weight[to] = slope[to] = 0.0f;
                    if (token >= t.length || !s.sees(token, t.begin + c)) continue;
                    const long stat = static_cast<long>(t.first + token) * s.heads + head;
                    const Slope one(s, q + r * s.pitch(), k + c * s.pitch(), v + c * s.pitch(),
                                    dmixed + r * s.pitch(), tape.logsumexp[stat], tape.along[stat]);
                    weight[to] = one.weight;
                    slope[to] = one.slope;
                }
                g.sync();
                for (int i = g.rank(); i < s.rows * s.size; i += g.size()) {
                    const int r = i / s.size, c = i % s.size;
                    float key_sum = 0.0f, value_sum = 0.0f;
                    for (int j = 0; j < s.rows; ++j) {
                        key_sum += slope[j * (s.rows + 1) + r] * q[j * s.pitch() + c];
                        value_sum += weight[j * (s.rows + 1) + r] * dmixed[j * s.pitch() + c];
                    }
                    dk[r * s.pitch() + c] += key_sum;
                    dv[r * s.pitch() + c] += value_sum;
                }
            }
        for (int i = g.rank(); i < s.rows * s.size; i += g.size()) {  // each its own elements
            const int r = i / s.size, c = i % s.size;
            if (t.begin + r >= t.length) continue;
            dkey[kv_at + (t.begin + r) * narrow + c] = from_float<T>(dk[r * s.pitch() + c]);
            dvalue[kv_at + (t.begin + r) * narrow + c] = from_float<T>(dv[r * s.pitch() + c]);
        }
    }
};

}  // namespace prefdyn::transformer::device
