// Included once by each cpu_kernels_*.cpp, inside an unnamed namespace, after `Lane`:
//   Lane::V            vector of kWidth floats
//   Lane::kRows        rows of C a block keeps in registers
//   Lane::fma(a, b, c) c = a b + c, with one rounding or two
// Apart from Lane::fma everything here rounds alike on every instruction set.

typedef float Eight __attribute__((vector_size(32)));
typedef int EightInt __attribute__((vector_size(32)));

template <class V>
inline void load(V& v, const float* from) {
    __builtin_memcpy(&v, from, sizeof v);
}
template <class V>
inline void store(float* to, const V& v) {
    __builtin_memcpy(to, &v, sizeof v);
}

/// to = or += the first `count` values of v, all of them if count is larger.
template <class V>
inline void put(const V& v, float* to, Size count, bool add) {
    constexpr Size kWidth = sizeof(V) / sizeof(float);
    if (count >= kWidth) {
        V old = {};
        if (add) load(old, to);
        const V now = add ? old + v : v;
        return store(to, now);
    }
    for (Size l = 0; l < count; ++l) to[l] = add ? to[l] + v[l] : v[l];
}

/// C (R, 16) = or += A (R, k) B.
template <class Lane, int R>
void block(const float* a, const float* b, Size k, float* c, Size c_stride, Size cols, bool add) {
    typedef typename Lane::V V;
    constexpr int kVectors = static_cast<int>(kPanel) / Lane::kWidth;
    V sum[R][kVectors] = {};
    for (int r = 0; r < R; ++r) __builtin_prefetch(c + r * c_stride, 1);
    for (Size t = 0; t < k; ++t) {
        V right[kVectors];
        for (int v = 0; v < kVectors; ++v) load(right[v], b + t * kPanel + v * Lane::kWidth);
        for (int r = 0; r < R; ++r) {
            const V left = Lane::broadcast(a[r * kStride + t]);
            for (int v = 0; v < kVectors; ++v) Lane::fma(left, right[v], sum[r][v]);
        }
    }
    for (int r = 0; r < R; ++r)
        for (int v = 0; v < kVectors; ++v)
            put(sum[r][v], c + r * c_stride + v * Lane::kWidth, cols - v * Lane::kWidth, add);
}

/// The last rows % kRows rows.
template <class Lane, int R>
void rest(const float* a, Size rows, const float* b, Size k, float* c, Size c_stride, Size cols,
          bool add) {
    if constexpr (R > 0) {
        if (rows == R) return block<Lane, R>(a, b, k, c, c_stride, cols, add);
        rest<Lane, R - 1>(a, rows, b, k, c, c_stride, cols, add);
    }
}

template <class Lane>
void panel(const float* a, Size rows, const float* b, Size k, float* c, Size c_stride, Size cols,
           bool add, const float* next) {
    constexpr int R = Lane::kRows;
    const Size share = (k * R + rows - 1) / rows;  // of the k lines of the next panel
    const float* const end = next + k * kPanel;
    Size r = 0;
    for (; r + R <= rows; r += R) {
        for (Size line = 0; line < share && next < end; ++line, next += kPanel)
            __builtin_prefetch(next, 0, 2);
        block<Lane, R>(a + r * kStride, b, k, c + r * c_stride, c_stride, cols, add);
    }
    rest<Lane, R - 1>(a + r * kStride, rows - r, b, k, c + r * c_stride, c_stride, cols, add);
}

/// x = exp(x): x = n log 2 + r, a polynomial in |r| <= log(2) / 2 (Cephes), times 2^n. Below -87
/// and above 88 it stays at the value there; NaN stays NaN.
inline void exp_of(Eight& x) {
    const Eight low = Eight{} - 87.0f, high = Eight{} + 88.0f, magic = Eight{} + 12582912.0f;
    x = x < low ? low : x;
    x = x > high ? high : x;
    const Eight shifted = x * 1.44269504088896341f + magic;  // rounds to an integer
    const Eight n = shifted - magic;
    const Eight r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    Eight p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const EightInt power = ((EightInt)shifted - (EightInt)magic + 127) << 23;
    x = p * (Eight)power;
}

inline float sum_of(const Eight& x) {
    return ((x[0] + x[4]) + (x[1] + x[5])) + ((x[2] + x[6]) + (x[3] + x[7]));
}

/// x = silu(x) y.
inline void gate_of(Eight& x, const Eight& y) {
    Eight e = -x;
    exp_of(e);
    x = x / (1.0f + e) * y;
}

/// The first `count` values from there, `beside` in the other lanes.
inline void load_some(Eight& v, const float* from, Size count, float beside) {
    if (count >= kLanes) return load(v, from);
    v = Eight{} + beside;
    for (Size l = 0; l < count; ++l) v[l] = from[l];
}

void gate(float* g, const float* u, Size n) {
    for (Size at = 0; at < n; at += kLanes) {
        Eight x = {}, y = {};
        load_some(x, g + at, n - at, 0.0f);
        load_some(y, u + at, n - at, 0.0f);
        gate_of(x, y);
        put(x, g + at, n - at, false);
    }
}

void gate_backward(const float* g, const float* u, const float* da, float* dg, float* du, Size n) {
    for (Size at = 0; at < n; at += kLanes) {
        Eight gate = {}, up = {}, slope = {};
        load_some(gate, g + at, n - at, 0.0f);
        load_some(up, u + at, n - at, 0.0f);
        load_some(slope, da + at, n - at, 0.0f);
        Eight e = -gate;
        exp_of(e);
        const Eight s = 1.0f / (1.0f + e);
        put(slope * up * s * (1.0f + gate * (1.0f - s)), dg + at, n - at, false);
        put(slope * gate * s, du + at, n - at, false);
    }
}

inline float largest_of(const float* x, Size n) {
    Eight most = Eight{} + x[0], now = {};
    for (Size at = 0; at < n; at += kLanes) {
        load_some(now, x + at, n - at, x[0]);
        most = now > most ? now : most;
    }
    float out = most[0];
    for (Size l = 1; l < kLanes; ++l) out = most[l] > out ? most[l] : out;
    return out;
}

/// x[begin, end) become exp(x - max); returns their sum.
inline float exponentials(float* x, Size begin, Size end) {
    const float most = largest_of(x + begin, end - begin);
    Eight total = {}, now = {};
    for (Size at = begin / kLanes * kLanes; at < end; at += kLanes) {
        load_some(now, x + at, end - at, most);
        now -= most;
        exp_of(now);
        for (Size l = 0; l < kLanes; ++l)
            if (at + l < begin || at + l >= end) now[l] = 0.0f;
        put(now, x + at, end - at, false);
        total += now;
    }
    return sum_of(total);
}

void softmax(float* x, Size n, float scale) {
    for (Size i = 0; i < n; ++i) x[i] *= scale;
    const float sum = exponentials(x, 0, n);
    for (Size i = 0; i < n; ++i) x[i] /= sum;
}

inline Size round_up(Size n) { return (n + kLanes - 1) / kLanes * kLanes; }

/// scores[first, last) = scale q . key_j for W keys at a time.
template <int W>
inline Size score_keys(const HeadTask& t, const float* q, Size first, Size last) {
    const Size stride = round_up(t.n);
    for (; first + W * kLanes <= last; first += W * kLanes) {
        Eight sum[W] = {};
        for (Size c = 0; c < t.h; ++c)
            for (int w = 0; w < W; ++w) {
                Eight key;
                load(key, t.keys + c * stride + first + w * kLanes);
                sum[w] += q[c] * key;
            }
        for (int w = 0; w < W; ++w) {
            sum[w] *= t.scale;
            store(t.scores + first + w * kLanes, sum[w]);
        }
    }
    return first;
}

/// out columns [first, last) = sum_j weight_j value_j / total, W vectors at a time.
template <int W>
inline Size mix_values(const HeadTask& t, Size begin, Size end, float total, float* out, Size first,
                       Size last) {
    const Size stride = round_up(t.h);
    for (; first + W * kLanes <= last; first += W * kLanes) {
        Eight sum[W] = {};
        for (Size j = begin; j < end; ++j)
            for (int w = 0; w < W; ++w) {
                Eight value;
                load(value, t.values + j * stride + first + w * kLanes);
                sum[w] += t.scores[j] * value;
            }
        for (int w = 0; w < W; ++w)
            for (Size l = 0; l < kLanes && first + w * kLanes + l < t.h; ++l)
                out[first + w * kLanes + l] = sum[w][l] / total;
    }
    return first;
}

void attend(const HeadTask& t) {
    const Size padded = round_up(t.h);
    for (Size i = 0; i < t.n; ++i) {
        const Size begin = t.window > 0 && i >= t.window ? i - t.window + 1 : 0;
        const float* q = t.q + i * t.q_stride;
        const Size last = round_up(i + 1);
        const Size at = score_keys<4>(t, q, begin / kLanes * kLanes, last);
        score_keys<1>(t, q, at, last);
        const float total = exponentials(t.scores, begin, i + 1);
        float* out = t.out + i * t.out_stride;
        const Size column = mix_values<4>(t, begin, i + 1, total, out, 0, padded);
        mix_values<1>(t, begin, i + 1, total, out, column, padded);
    }
}
