#pragma once
// A column of rows times Q^T with every sum in one fixed order, in which the processor's product of
// a single row is taken too (sampling_device_test). Compiled without contraction of products and
// sums, the bits are the same on a card.

#include "sim/base/numerics.hpp"

namespace prefdyn {

/// Terms that are summed from 0 on before they are added to the total.
PREFDYN_HD inline long product_stretch(long d) { return d < 128 ? d : (d < 4000 ? 16 : 4); }

/// total_r = sum_j Q_kj w_r,j for one k. `q` points to Q_k0 of Q (d, d) column by column, w[r] to
/// d values.
template <int kRows>
PREFDYN_HD void row_product(const double* q, const double* const (&w)[kRows], long d,
                            double (&total)[kRows]) {
    for (double& t : total) t = 0.0;
    const long stretch = product_stretch(d);
    for (long first = 0; first < d; first += stretch) {
        const long end = first + stretch < d ? first + stretch : d;
        double sum[kRows] = {};
        for (long j = first; j < end; ++j)
            for (int r = 0; r < kRows; ++r) sum[r] += q[j * d] * w[r][j];
        for (int r = 0; r < kRows; ++r) total[r] += sum[r];
    }
}

}  // namespace prefdyn
