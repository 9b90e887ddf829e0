#pragma once
// Every kernel of inference by itself on arrays of the host: values are rounded to the type of the
// precision on the way in. Results are poisoned with NaN before.

#include "sim/lm/model/attention.hpp"
#include "sim/lm/model/precision.hpp"

namespace prefdyn::transformer::device::checks {

/// y (rows, d) = w x / rms(x).
void rms_norm(Precision precision, const float* x, const float* w, double epsilon, long rows,
              long d, float* y);

/// qkv (rows, width) in place; bias (width) may be null, cosine and sine (positions, h / 2),
/// position (rows).
struct Turn {
    const float *bias, *cosine, *sine;
    const int* position;
    long heads, kv_heads, head_size, positions;
};
void rotate(Precision precision, const Turn& turn, long rows, float* qkv);

/// out (tokens, H h) of qkv (tokens, (H + 2K) h) for prompts that are all the tokens.
void attend(Precision precision, const Heads& heads, const std::vector<Prompt>& prompts,
            const float* qkv, float* out);

/// gated (rows, f) of both (rows, 2f); bias (2f) may be null.
void gate(Precision precision, const float* both, const float* bias, long rows, long f,
          float* gated);

/// to (count) = from; false if a value is not finite.
bool convert(Precision precision, Dtype type, const void* from, long count, float* to);

#if !defined(PREFDYN_CUDA) && !defined(__CUDACC__)  // no card, and nothing calls them
inline void rms_norm(Precision, const float*, const float*, double, long, long, float*) {}
inline void rotate(Precision, const Turn&, long, float*) {}
inline void attend(Precision, const Heads&, const std::vector<Prompt>&, const float*, float*) {}
inline void gate(Precision, const float*, const float*, long, long, float*) {}
inline bool convert(Precision, Dtype, const void*, long, float*) { return false; }
#endif

}  // namespace prefdyn::transformer::device::checks
