#include "sim/head/margin_rows.hpp"

#include "sim/base/levels/lanes.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn::PREFDYN_LEVEL {

namespace {

using Size = std::ptrdiff_t;

constexpr int kVectors = kLanes / kWidth;  // that the partial sums of a row take
constexpr int kGroup = 8;                  // rows whose sum is taken before it is added

/// The kWidth sums ((l0 + l4) + (l1 + l5)) + ((l2 + l6) + (l3 + l7)) of the lanes of as many rows.
PREFDYN_INLINE V folded(const V (&lane)[kWidth][kVectors]) {
#if defined(__AVX512F__)
    V half[kWidth / 2];
    for (int r = 0; r < kWidth / 2; ++r) {
        const V &a = lane[2 * r][0], &b = lane[2 * r + 1][0];
        half[r] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +
                  __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
    return pairs(pairs(half[0], half[1]), pairs(half[2], half[3]));
#elif defined(__AVX2__)
    V half[kWidth];
    for (int r = 0; r < kWidth; ++r) half[r] = lane[r][0] + lane[r][1];
    return pairs(pairs(half[0], half[1]), pairs(half[2], half[3]));
#else
    V row[kWidth];
    for (int r = 0; r < kWidth; ++r)
        row[r] = pairs(lane[r][0] + lane[r][2], lane[r][1] + lane[r][3]);
    return pairs(row[0], row[1]);
#endif
}

/// x[r] . v for kWidth rows.
template <class Scalar>
PREFDYN_INLINE V dots(const Scalar* const (&x)[kWidth], const double* v, Size d) {
    V lane[kWidth][kVectors] = {};
    Size j = 0;
    for (; j + kLanes <= d; j += kLanes)
        for (int l = 0; l < kVectors; ++l) {
            const Size at = j + l * kWidth;
            const V right = load(v + at);
            for (int r = 0; r < kWidth; ++r) lane[r][l] += load(x[r] + at) * right;
        }
    for (int l = 0; l < kVectors && j < d; ++l, j += kWidth) {
        const V right = load_some(v + j, d - j);
        for (int r = 0; r < kWidth; ++r) lane[r][l] += load_some(x[r] + j, d - j) * right;
    }
    return folded(lane);
}

template <class Scalar>
void margins(const Scalar* const* x, Size n, const double* v, Size d, double scale,
             const double* sign, double* out) {
    for (Size b = 0; b < n; b += kWidth) {
        const Scalar* row[kWidth];
        for (int r = 0; r < kWidth; ++r) row[r] = x[b + r < n ? b + r : n - 1];
        const V score = scale * dots(row, v, d);
        if (b + kWidth <= n)
            store(out + b, score * load(sign + b));
        else
            store_some(out + b, score * load_some(sign + b, n - b), n - b);
    }
}

template <class Scalar>
PREFDYN_INLINE V weighted(const double (&w)[kGroup], const V (&x)[kGroup]) {
    return ((w[0] * x[0] + w[1] * x[1]) + (w[2] * x[2] + w[3] * x[3])) +
           ((w[4] * x[4] + w[5] * x[5]) + (w[6] * x[6] + w[7] * x[7]));
}

/// Reads and writes `sum` once for eight rows.
template <bool kAhead, class Scalar>
PREFDYN_INLINE void add_group(const Scalar* const (&x)[kGroup], const double (&w)[kGroup],
                              double* sum, Size d, const Scalar* const* ahead) {
    V row[kGroup];
    Size j = 0;
    for (; j + kWidth <= d; j += kWidth) {
        for (int r = 0; r < kGroup; ++r) row[r] = load(x[r] + j);
        if constexpr (kAhead)
            if (j * static_cast<Size>(sizeof(Scalar)) % 64 == 0)
                for (int r = 0; r < kGroup; ++r) __builtin_prefetch(ahead[r] + j, 0, 2);
        store(sum + j, load(sum + j) + weighted<Scalar>(w, row));
    }
    if (j == d) return;
    for (int r = 0; r < kGroup; ++r) row[r] = load_some(x[r] + j, d - j);
    store_some(sum + j, load_some(sum + j, d - j) + weighted<Scalar>(w, row), d - j);
}

/// Rows that a group lacks weigh nothing.
template <class Scalar>
void add(const Scalar* const* x, Size n, const double* weight, double* sum, Size d,
         const Scalar* const* ahead) {
    for (Size b = 0; b < n; b += kGroup) {
        const Scalar* row[kGroup];
        double w[kGroup];
        for (int r = 0; r < kGroup; ++r) {
            row[r] = x[b + r < n ? b + r : n - 1];
            w[r] = b + r < n ? weight[b + r] : 0.0;
        }
        if (ahead && b + kGroup <= n)
            add_group<true>(row, w, sum, d, ahead + b);
        else
            add_group<false>(row, w, sum, d, ahead);
    }
}

void from_margins(const PromptColumns& p, const double* margin, Size n,
                  const ResponseColumns& out) {
    const auto some = [&](Size i, auto take, auto put) {
        const V gain = take(margin + i) / (2.0 * p.beta), s = take(p.sign + i);
        const V shift = s * gain;
        const V yes = take(p.yes + i) + shift, no = take(p.no + i) - shift;
        const V normaliser = logaddexp(take(p.rest + i), logaddexp(yes, no));
        const V moved = normaliser - take(p.normaliser + i);
        put(out.logp_chosen + i, (s > 0.0 ? yes : no) - normaliser);
        put(out.logp_rejected + i, (s > 0.0 ? no : yes) - normaliser);
        put(out.reward_chosen + i, p.beta * (gain - moved));
        put(out.reward_rejected + i, p.beta * (-gain - moved));
    };
    Size i = 0;
    for (; i + kWidth <= n; i += kWidth)
        some(
            i, [](const double* x) { return load(x); }, [](double* x, const V& v) { store(x, v); });
    if (i < n)
        some(
            i, [&](const double* x) { return load_some(x, n - i); },
            [&](double* x, const V& v) { store_some(x, v, n - i); });
}

}  // namespace

const BasicMarginRows<double> margin_rows = {margins<double>, add<double>};
const BasicMarginRows<float> margin_rows_f32 = {margins<float>, add<float>};
const ResponseRows response_rows = {from_margins};

}  // namespace prefdyn::PREFDYN_LEVEL
