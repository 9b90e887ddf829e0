#pragma once
// Which rows a minibatch step sees.

#include <string>
#include <vector>

#include "sim/base/stream.hpp"
#include "sim/base/types.hpp"

namespace prefdyn {

enum class Sampling {
    kEpoch,  ///< without replacement: a fresh permutation each epoch, cut into batches; the last
             ///< one of an epoch may be smaller
    kFresh,  ///< each step draws a batch without replacement from all rows
    kReplacement,  ///< each row of a batch is drawn independently
};
inline std::vector<std::string> sampling_names() { return {"epoch", "fresh", "replacement"}; }

class BatchSampler {
  public:
    /// 1 <= batch <= n; batch = n with kEpoch visits all rows each step in permuted order.
    BatchSampler(Index n, Index batch, Sampling sampling, std::uint64_t seed);

    /// Rows of update `step`; calls must come in order 0, 1, 2, ...
    const std::vector<Index>& next();
    /// Rows that the first `steps` updates see together, repetitions counted.
    Index rows_after(Index steps) const;
    Index batch() const { return batch_; }

  private:
    void shuffle_prefix(Index length, Stream& stream);

    Index n_, batch_, cursor_;
    Sampling sampling_;
    std::uint64_t seed_, draws_ = 0;
    std::vector<Index> order_, rows_;
};

}  // namespace prefdyn
