#pragma once
// What each thread of the sampling kernels does, as functions of its number, so that the tests run
// them on the processor. A launch may have threads beyond the last one needed.

#include "sim/data/noise_draw.hpp"
#include "sim/data/row_product.hpp"

namespace prefdyn::cuda {

/// White noise whose row i comes of the stream (seed, purpose, first + i).
struct WhiteNoise {
    Tails tails;
    NoiseLaw law;
    std::uint64_t seed;
    Purpose purpose;
    std::uint64_t first;
};

inline constexpr int kRowsAThread = 8;  ///< that share a reading of Q

/// Row `at` of x (n, d).
template <Tails kTails>
PREFDYN_HD void draw_thread(long at, const WhiteNoise& noise, const ZigguratEdges& edges, long n,
                            long d, double* x) {
    if (at >= n) return;
    Stream stream(noise.seed, noise.purpose, noise.first + static_cast<std::uint64_t>(at));
    NoiseDraw<Stream> draw(stream, edges);
    for (long j = 0; j < d; ++j) x[at * d + j] = draw.template next<kTails>(noise.law);
}

/// Number `at` of x diag(root), plus the mean unless that is null.
PREFDYN_HD inline void scale_thread(long at, const double* root, const double* mean, long n, long d,
                                    double* x) {
    if (at >= n * d) return;
    const double scaled = x[at] * root[at % d];
    x[at] = mean ? scaled + mean[at % d] : scaled;
}

/// Threads for (n, d): neighbours have neighbouring columns of the same rows.
inline long product_threads(long n, long d) { return (n + kRowsAThread - 1) / kRowsAThread * d; }

/// A column of kRowsAThread rows of x = w Q^T + mean.
PREFDYN_HD inline void product_thread(long at, const double* basis, const double* w,
                                      const double* mean, long n, long d, double* x) {
    const long first = at / d * kRowsAThread, k = at % d;
    if (first >= n) return;
    const double* row[kRowsAThread];
    double total[kRowsAThread];
    for (int r = 0; r < kRowsAThread; ++r) row[r] = w + (first + r < n ? first + r : first) * d;
    row_product(basis + k, row, d, total);
    for (int r = 0; r < kRowsAThread && first + r < n; ++r)
        x[(first + r) * d + k] = total[r] + mean[k];
}

}  // namespace prefdyn::cuda
