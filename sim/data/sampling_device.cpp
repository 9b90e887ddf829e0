#include "sim/data/sampling_device.hpp"

#include "sim/cuda/device.hpp"
#include "sim/data/cuda_sampling.hpp"
#include "sim/data/row_product.hpp"

namespace prefdyn {

#ifdef PREFDYN_CUDA

namespace {

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
bool worth_the_way(const Covariance& covariance, bool draws, const Eigen::Ref<RowMatrix>& x) {
    constexpr double kDraw = 8.0, kWorth = 3e7;
    const bool products = covariance.basis.size() > 0;
    const double each = (draws ? kDraw : 0.0) + (products ? static_cast<double>(x.cols()) : 0.0);
    return x.outerStride() == x.cols() && each * static_cast<double>(x.size()) >= kWorth &&
           (!products || rows_multiply_alike());
}

void fill(const ClassLaw& law, const cuda::WhiteNoise* noise, Eigen::Ref<RowMatrix> x) {
    const Vector root = law.covariance.eigenvalues.cwiseSqrt();
    const Matrix& basis = law.covariance.basis;
    cuda::fill_class(noise,
                     {root.data(), basis.size() > 0 ? basis.data() : nullptr, law.mean.data()},
                     x.rows(), x.cols(), x.data());
}

}  // namespace

bool draw_on_device(const ClassLaw& law, const RowNames& names, Eigen::Ref<RowMatrix> x) {
    if (!on_gpu() || !draws_alike_everywhere(law.noise) || !worth_the_way(law.covariance, true, x))
        return false;
    const cuda::WhiteNoise noise{law.noise.tails, noise_law(law.noise), names.seed, names.purpose(),
                                 static_cast<std::uint64_t>(names.first)};
    fill(law, &noise, x);
    return true;
}

bool color_on_device(const ClassLaw& law, Eigen::Ref<RowMatrix> x) {
    if (!on_gpu() || !worth_the_way(law.covariance, false, x)) return false;
    fill(law, nullptr, x);
    return true;
}

#else

bool draw_on_device(const ClassLaw&, const RowNames&, Eigen::Ref<RowMatrix>) { return false; }
bool color_on_device(const ClassLaw&, Eigen::Ref<RowMatrix>) { return false; }

#endif

}  // namespace prefdyn
