#pragma once
// Random streams. A stream is named by (seed, purpose, index) and is a pure function of that name
// and of a position: Philox4x64-10 with key = (seed, purpose) and counter = (block, index, 0, 0).
// Streams with different names never overlap, so work can be cut into threads or shards in any way.

#include "sim/base/numerics.hpp"

#if defined(__CUDACC__)
#define R123_CUDA_DEVICE __host__ __device__
#endif
#ifndef R123_USE_SSE  // Philox needs none of the vector headers, half of what this file costs
#define R123_USE_SSE 0
#define R123_USE_AES_NI 0
#endif
#include <Random123/philox.h>

#include <cstdint>

namespace prefdyn {

/// What a stream is for. The numbers are part of the file format: never renumber.
enum class Purpose : std::uint64_t {
    kFeatures = 1,
    kHeldOutFeatures = 2,
    kBasis = 3,
    kDirection = 4,
    kLabelNoise = 5,
    kHeldOutLabelNoise = 6,
    kReferenceHead = 7,
    kBatches = 8,
    kSplit = 9,
    kSuite = 10,
    kReplicate = 11,
    kBehaviours = 12,
    kEmbedding = 13,
    kTabular = 14,
    kSearch = 15,
    kBootstrap = 16,
    kSweep = 17,
};

/// UniformRandomBitGenerator over 64-bit words, the same on the processor and on a card.
class Stream {
  public:
    using result_type = std::uint64_t;

    PREFDYN_HD Stream(std::uint64_t seed, Purpose purpose, std::uint64_t index = 0)
        : key_{{seed, static_cast<std::uint64_t>(purpose)}}, counter_{{0, index, 0, 0}} {}

    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return ~result_type{0}; }

    PREFDYN_HD result_type operator()() {
        if (used_ == kBlock) refill();
        return block_[used_++];
    }

  private:
    static constexpr unsigned kBlock = 4;

    PREFDYN_HD void refill() {
        const auto words = r123::Philox4x64()(counter_, key_);
        for (unsigned k = 0; k < kBlock; ++k) block_[k] = words[k];
        ++counter_[0];
        used_ = 0;
    }

    r123::Philox4x64::key_type key_;
    r123::Philox4x64::ctr_type counter_;
    std::uint64_t block_[kBlock] = {};
    unsigned used_ = kBlock;
};

/// A seed for an independent sub-experiment (replicate, suite member): the first word of a stream.
inline std::uint64_t derive_seed(std::uint64_t seed, Purpose purpose, std::uint64_t index) {
    return Stream(seed, purpose, index)();
}

}  // namespace prefdyn
