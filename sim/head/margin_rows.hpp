#pragma once
// The inner loops of the exact reduction, one block of rows at a time.

#include <cstddef>

#include "sim/base/levels/level.hpp"

namespace prefdyn {

/// x[b] is row b, d numbers.
template <class Scalar>
struct BasicMarginRows {
    /// out[b] = scale sign[b] (x[b] . v), n rows.
    void (*margins)(const Scalar* const* x, std::ptrdiff_t n, const double* v, std::ptrdiff_t d,
                    double scale, const double* sign, double* out);
    /// sum += sum_b weight[b] x[b], n rows, eight at a time. Meanwhile what lies at ahead[b], of
    /// which nothing is read, is fetched into the cache unless `ahead` is null.
    void (*add)(const Scalar* const* x, std::ptrdiff_t n, const double* weight, double* sum,
                std::ptrdiff_t d, const Scalar* const* ahead);
};
PREFDYN_KERNELS(BasicMarginRows<double>, margin_rows)
PREFDYN_KERNELS(BasicMarginRows<float>, margin_rows_f32)

/// Of n prompts, (n) each: what the reference says (policy.hpp), the normaliser of its logits, and
/// the labels as numbers.
struct PromptColumns {
    const double *yes, *no, *rest, *normaliser, *sign;
    double beta;
};

/// Of the same prompts, (n) each (engine.hpp, Responses).
struct ResponseColumns {
    double *logp_chosen, *logp_rejected, *reward_chosen, *reward_rejected;
};

struct ResponseRows {
    /// What follows from the margins m (n): the chosen logit rises by m / (2 beta), the rejected
    /// one falls by it.
    void (*from_margins)(const PromptColumns& prompts, const double* margin, std::ptrdiff_t n,
                         const ResponseColumns& out);
};
PREFDYN_KERNELS(ResponseRows, response_rows)

}  // namespace prefdyn
