// A thread draws a row: the number of words that a draw takes is known only afterwards, so within a
// row nothing can be done at once, but a class has thousands of rows. Compiled without fused
// multiply-add, as the processor's code is.

#include <algorithm>

#include "sim/cuda/cuda_support.cuh"
#include "sim/data/class_threads.hpp"

namespace prefdyn::cuda {

namespace {

constexpr int kDrawThreads = 64;  // few, so that a few thousand rows reach every multiprocessor
constexpr int kThreads = 256;
constexpr long kPiece = long{1} << 24;  // numbers on the card at a time
constexpr const char* kHint = "lower dimension, or take --device cpu";

__device__ const ZigguratEdges device_edges = kZigguratEdges;

__device__ long thread_number() { return blockIdx.x * long{blockDim.x} + threadIdx.x; }

template <Tails kTails>
__global__ void __launch_bounds__(kDrawThreads)
    draw_kernel(WhiteNoise noise, long n, long d, double* x) {
    draw_thread<kTails>(thread_number(), noise, device_edges, n, d, x);
}

__global__ void scale_kernel(const double* root, const double* mean, long n, long d, double* x) {
    scale_thread(thread_number(), root, mean, n, d, x);
}

__global__ void __launch_bounds__(kThreads)
    product_kernel(const double* basis, const double* w, const double* mean, long n, long d,
                   double* x) {
    product_thread(thread_number(), basis, w, mean, n, d, x);
}

DeviceArray<double> on_card(const double* host, long count, const char* purpose) {
    DeviceArray<double> out(static_cast<std::size_t>(host ? count : 0), purpose, kHint);
    if (host) out.upload(host, out.size());
    return out;
}

/// A class with room for `most` of its rows.
class ClassOnCard {
  public:
    ClassOnCard(const ClassColour& colour, long most, long d)
        : d_(d),
          root_(on_card(colour.root, d, "eigenvalues")),
          mean_(on_card(colour.mean, d, "mean")),
          basis_(on_card(colour.basis, d * d, "eigenvectors (dimension x dimension)")),
          white_(static_cast<std::size_t>(most * d), "rows of white noise", kHint),
          coloured_(colour.basis ? white_.size() : 0, "rows of features", kHint) {}

    void draw(const WhiteNoise& noise, long n) {
        with_tails(noise.tails, [&](auto tails) {
            draw_kernel<decltype(tails)::value>
                <<<blocks_for(n, kDrawThreads), kDrawThreads, 0, stream()>>>(noise, n, d_,
                                                                             white_.data());
        });
        PREFDYN_CUDA_LAUNCHED("draw_kernel");
    }
    void upload(const double* xi, long n) { white_.upload(xi, static_cast<std::size_t>(n * d_)); }

    void color(long n) {
        const bool products = basis_.size() > 0;
        scale_kernel<<<blocks_for(n * d_, kThreads), kThreads, 0, stream()>>>(
            root_.data(), products ? nullptr : mean_.data(), n, d_, white_.data());
        PREFDYN_CUDA_LAUNCHED("scale_kernel");
        if (!products) return;
        product_kernel<<<blocks_for(product_threads(n, d_), kThreads), kThreads, 0, stream()>>>(
            basis_.data(), white_.data(), mean_.data(), n, d_, coloured_.data());
        PREFDYN_CUDA_LAUNCHED("product_kernel");
    }

    /// Waits for the rows.
    void download(double* x, long n) const {
        (basis_.size() > 0 ? coloured_ : white_).download(x, static_cast<std::size_t>(n * d_));
        wait();
    }

  private:
    long d_;
    DeviceArray<double> root_, mean_, basis_, white_, coloured_;
};

}  // namespace

void fill_class(const WhiteNoise* noise, const ClassColour& colour, long n, long d, double* x) {
    const long most = std::min(n, std::max(long{1}, kPiece / d));
    ClassOnCard card(colour, most, d);
    for (long first = 0; first < n; first += most) {
        const long rows = std::min(most, n - first);
        if (noise) {
            WhiteNoise piece = *noise;
            piece.first += static_cast<std::uint64_t>(first);
            card.draw(piece, rows);
        } else {
            card.upload(x + first * d, rows);
        }
        card.color(rows);
        card.download(x + first * d, rows);
    }
}

}  // namespace prefdyn::cuda
