#pragma once
// The rows of a class on a CUDA card: the bits that the processor gives. Plain pointers: this
// header is read by the CUDA compiler.

#include <cstdint>

#include "sim/base/stream.hpp"
#include "sim/data/noise_draw.hpp"

namespace prefdyn::cuda {

/// White noise whose row i comes of the stream (seed, purpose, first + i).
struct WhiteNoise {
    Tails tails;
    NoiseLaw law;
    std::uint64_t seed;
    Purpose purpose;
    std::uint64_t first;
};

/// Rows get the covariance Q diag(root)^2 Q^T and the mean.
struct ClassColour {
    const double* root;   ///< (d)
    const double* basis;  ///< Q (d, d) column by column; null stands for the identity
    const double* mean;   ///< (d)
};

/// x (n, d) row by row; x = xi diag(root) Q^T + mean. xi is `noise`, or what x holds if that is
/// null. Some millions of numbers are on the card at a time, and Q. Throws InputError if they do
/// not fit.
void fill_class(const WhiteNoise* noise, const ClassColour& colour, long n, long d, double* x);

}  // namespace prefdyn::cuda
