#include "sim/data/batches.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <numeric>

namespace prefdyn {

BatchSampler::BatchSampler(Index n, Index batch, Sampling sampling, std::uint64_t seed)
    : n_(n),
      batch_(batch),
      cursor_(n),
      sampling_(sampling),
      seed_(seed),
      order_(static_cast<std::size_t>(n)) {}

/// Fisher-Yates from the identity: the first `length` entries become a uniform draw without
/// replacement.
void BatchSampler::shuffle_prefix(Index length, Stream& stream) {
    std::iota(order_.begin(), order_.end(), Index{0});
    for (Index i = 0; i < std::min(length, n_ - 1); ++i) {
        boost::random::uniform_int_distribution<Index> pick(i, n_ - 1);
        std::swap(order_[static_cast<std::size_t>(i)],
                  order_[static_cast<std::size_t>(pick(stream))]);
    }
}

Index BatchSampler::rows_after(Index steps) const {
    if (sampling_ != Sampling::kEpoch) return steps * batch_;
    const Index per_epoch = (n_ + batch_ - 1) / batch_;
    return steps / per_epoch * n_ + steps % per_epoch * batch_;
}

const std::vector<Index>& BatchSampler::next() {
    if (sampling_ == Sampling::kEpoch) {
        if (cursor_ >= n_) {
            Stream stream(seed_, Purpose::kBatches, draws_++);
            shuffle_prefix(n_, stream);
            cursor_ = 0;
        }
        const Index last = std::min(n_, cursor_ + batch_);
        rows_.assign(order_.begin() + cursor_, order_.begin() + last);
        cursor_ = last;
        return rows_;
    }
    Stream stream(seed_, Purpose::kBatches, draws_++);
    if (sampling_ == Sampling::kFresh) {
        shuffle_prefix(batch_, stream);
        rows_.assign(order_.begin(), order_.begin() + batch_);
        return rows_;
    }
    boost::random::uniform_int_distribution<Index> pick(0, n_ - 1);
    rows_.resize(static_cast<std::size_t>(batch_));
    for (Index& row : rows_) row = pick(stream);
    return rows_;
}

}  // namespace prefdyn
