// The rows of a class on a CUDA card: the bits that the processor gives. A thread draws a row: the
// number of words that a draw takes is known only afterwards, so within a row nothing can be done
// at once, but a class has thousands of rows. Compiled without fused multiply-add, as the
// processor's code is.

#include <algorithm>

#include "sim/cuda/cuda_support.cuh"
#include "sim/data/class_threads.hpp"
#include "sim/data/sampling_device.hpp"

namespace prefdyn {

namespace cuda {

namespace {

constexpr int kDrawThreads = 64;  // few, so that a few thousand rows reach every multiprocessor
constexpr int kThreads = 256;
constexpr long kPiece = long{1} << 24;  // numbers on the card at a time
constexpr const char* kHint = "lower dimension, or take --device cpu";

__device__ long thread_number() { return blockIdx.x * long{blockDim.x} + threadIdx.x; }

template <Tails kTails>
__global__ void __launch_bounds__(kDrawThreads)
    draw_kernel(WhiteNoise noise, const ZigguratEdges* edges, long n, long d, double* x) {
    draw_thread<kTails>(thread_number(), noise, *edges, n, d, x);
}

__global__ void scale_kernel(const double* root, const double* mean, long n, long d, double* x) {
    scale_thread(thread_number(), root, mean, n, d, x);
}

__global__ void __launch_bounds__(kThreads)
    product_kernel(const double* basis, const double* w, const double* mean, long n, long d,
                   double* x) {
    product_thread(thread_number(), basis, w, mean, n, d, x);
}

template <class Values>
DeviceArray<double> on_card(const Values& host, const char* purpose) {
    DeviceArray<double> out(static_cast<std::size_t>(host.size()), purpose, kHint);
    out.upload(host.data(), out.size());
    return out;
}

/// A class with room for `most` of its rows.
class ClassOnCard {
  public:
    ClassOnCard(const ClassLaw& law, long most)
        : d_(law.mean.size()),
          root_(on_card(Vector(law.covariance.eigenvalues.cwiseSqrt()), "eigenvalues")),
          mean_(on_card(law.mean, "mean")),
          basis_(on_card(law.covariance.basis, "eigenvectors (dimension x dimension)")),
          white_(static_cast<std::size_t>(most * d_), "rows of white noise", kHint),
          coloured_(basis_.size() > 0 ? white_.size() : 0, "rows of features", kHint),
          edges_(1, "the ziggurats", kHint) {
        edges_.upload(&ziggurat_edges(), 1);
        wait();  // the roots go out of scope
    }

    void draw(const WhiteNoise& noise, long n) {
        with_tails(noise.tails, [&](auto tails) {
            draw_kernel<decltype(tails)::value>
                <<<blocks_for(n, kDrawThreads), kDrawThreads, 0, stream()>>>(noise, edges_.data(),
                                                                             n, d_, white_.data());
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
    DeviceArray<ZigguratEdges> edges_;
};

/// x = xi diag(root) Q^T + mean; xi is `noise`, or what x holds if that is null.
void fill(const ClassLaw& law, const WhiteNoise* noise, Eigen::Ref<RowMatrix> x) {
    const long n = x.rows(), d = x.cols(), most = std::min(n, std::max(long{1}, kPiece / d));
    ClassOnCard card(law, most);
    for (long first = 0; first < n; first += most) {
        const long rows = std::min(most, n - first);
        if (noise) {
            WhiteNoise piece = *noise;
            piece.first += static_cast<std::uint64_t>(first);
            card.draw(piece, rows);
        } else {
            card.upload(x.data() + first * d, rows);
        }
        card.color(rows);
        card.download(x.data() + first * d, rows);
    }
}

/// True if the processor's product of a row has the bits of row_product: not if it was built for
/// fused multiply-add.
bool rows_multiply_alike() {
    static const bool alike = [] {
        constexpr Index d = 131;
        const Stream stream(0, Purpose::kBasis);
        const Covariance covariance{Vector::Ones(d), random_orthogonal(d, stream)};
        const RowMatrix w = random_unit(d, stream).transpose();
        RowMatrix x = w;
        covariance.color(x);
        bool same = true;
        for (Index k = 0; k < d; ++k) {
            double total[1];
            row_product<1>(covariance.basis.data() + k, {w.data()}, d, total);
            same = same && x(0, k) == total[0];
        }
        return same;
    }();
    return alike;
}

/// Whether the products of (rows, d) with Q, and the draws, each as long as some of them, outweigh
/// the way to a card and back.
bool worth_a_transfer(const Covariance& covariance, bool draws, const Eigen::Ref<RowMatrix>& x) {
    constexpr double kDraw = 8.0, kWorth = 3e7;
    const bool products = covariance.basis.size() > 0;
    const double each = (draws ? kDraw : 0.0) + (products ? static_cast<double>(x.cols()) : 0.0);
    return x.outerStride() == x.cols() && each * static_cast<double>(x.size()) >= kWorth &&
           (!products || rows_multiply_alike());
}

}  // namespace

}  // namespace cuda

bool draw_on_device(Device device, const ClassLaw& law, const RowNames& names,
                    Eigen::Ref<RowMatrix> x) {
    if (device == Device::kCpu || !draws_alike_everywhere(law.noise) ||
        !cuda::worth_a_transfer(law.covariance, true, x))
        return false;
    const cuda::WhiteNoise noise{law.noise.tails, noise_law(law.noise), names.seed, names.purpose(),
                                 static_cast<std::uint64_t>(names.first)};
    cuda::fill(law, &noise, x);
    return true;
}

bool color_on_device(Device device, const ClassLaw& law, Eigen::Ref<RowMatrix> x) {
    if (device == Device::kCpu || !cuda::worth_a_transfer(law.covariance, false, x)) return false;
    cuda::fill(law, nullptr, x);
    return true;
}

}  // namespace prefdyn
