#pragma once
// The generator behind numpy.random.seed and randn (RandomState, frozen since numpy 1.17): what
// published experiments drew from. Our own randomness comes from Stream; this is for replaying
// theirs.

#include <cmath>
#include <cstdint>
#include <random>

#include "sim/base/types.hpp"

namespace prefdyn {

class LegacyRandom {
  public:
    explicit LegacyRandom(std::uint32_t seed) : words_(seed) {}

    /// Uniform on [0, 1) from the top 27 and 26 bits of two words.
    double uniform() {
        const std::uint64_t high = words_() >> 5, low = words_() >> 6;
        return (static_cast<double>(high) * 67108864.0 + static_cast<double>(low)) /
               9007199254740992.0;
    }

    /// Standard normal by the polar method: the pair's second value first, the first one kept.
    double gaussian() {
        if (has_kept_) {
            has_kept_ = false;
            return kept_;
        }
        double x, y, square;
        do {
            x = 2.0 * uniform() - 1.0;
            y = 2.0 * uniform() - 1.0;
            square = x * x + y * y;
        } while (square >= 1.0 || square == 0.0);
        const double factor = std::sqrt(-2.0 * std::log(square) / square);
        kept_ = factor * x;
        has_kept_ = true;
        return factor * y;
    }

    /// randn(rows, columns), filled row by row.
    RowMatrix gaussian(Index rows, Index columns) {
        RowMatrix out(rows, columns);
        for (Index i = 0; i < out.size(); ++i) out.data()[i] = gaussian();
        return out;
    }

  private:
    std::mt19937 words_;
    double kept_ = 0.0;
    bool has_kept_ = false;
};

}  // namespace prefdyn
