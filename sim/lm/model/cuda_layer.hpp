#pragma once
// Layers of a transformer on a card: the plain interface between what nvcc compiles and the rest.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/lm/model/precision.hpp"

namespace prefdyn::transformer::card {

/// d = hidden, H = heads, K = kv_heads, h = head_size, f = ffn.
struct Shape {
    long hidden, ffn, heads, kv_heads, head_size;
    double epsilon;
    long width() const { return (heads + 2 * kv_heads) * head_size; }
    long mixed() const { return heads * head_size; }
};

/// How a number lies in a checkpoint.
enum class Number { kF32, kF16, kBF16 };

/// A tensor as its file holds it; count = 0: the model has not got it.
struct Source {
    const void* bytes = nullptr;
    long count = 0;
    Number type = Number::kF32;
};

enum Part {
    kInputNorm,
    kQuery,
    kKey,
    kValue,
    kOutput,
    kPostNorm,
    kGate,
    kUp,
    kDown,
    kQueryBias,
    kKeyBias,
    kValueBias,
    kOutputBias,
    kGateBias,
    kUpBias,
    kDownBias,
    kParts
};
struct LayerSource {
    long layer = -1, window = 0;
    Source part[kParts];
};

/// Tokens [first, first + length) are one prompt.
struct Span {
    long first, length;
};

struct Settings {
    Precision precision = Precision::kFloat32;
    std::size_t slot_bytes = 0, workspace_bytes = 0;
    long batch_tokens = 0;
    void (*copy)(void* to, const void* from, std::size_t bytes) = nullptr;  ///< memcpy, threaded
};

/// cos and sin (positions, h / 2).
struct Angles {
    const float *cosine, *sine;
    long positions;
};

class Layers {
  public:
    virtual ~Layers() = default;
    /// x (tokens, d); the prompts are all its tokens, in order.
    virtual void begin(const float* x, const std::vector<Span>& prompts) = 0;
    virtual void prefetch(const LayerSource& layer) = 0;
    /// -1, or the part that holds a NaN or an infinity.
    virtual int load(const LayerSource& layer) = 0;
    virtual void run(const std::function<void(long)>& tick) = 0;
    /// out (n, d).
    virtual void last_rows(float* out) = 0;
};

/// InputError if the card's memory does not suffice.
std::unique_ptr<Layers> make_layers(const Shape& shape, const Settings& settings,
                                    const Angles& angles);

/// Bytes that can be allocated on the card.
std::size_t available_memory();

/// Multiplications and additions a second of one large product (n, n) (n, n) on random numbers.
double matrix_rate(Precision precision, long n);

}  // namespace prefdyn::transformer::card
