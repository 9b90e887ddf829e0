// The rows of a class have the same bits wherever they are made. What a card computes is run here
// on the processor, from the same functions; where there is a card, so are its kernels.
#include "sim/data/sampling_device.hpp"

#include <doctest/doctest.h>

#include "sim/base/numerics.hpp"
#include "sim/data/class_threads.hpp"
#include "tests/support/cuda_support.hpp"

using namespace prefdyn;
using test::same_bits;

namespace {

#ifdef __FMA__
constexpr bool kFused = true;  // products are then not the card's, and stay with the processor
#else
constexpr bool kFused = false;
#endif

struct Class {
    NoiseSpec noise;
    Covariance covariance;
    Vector mean;
    ClassLaw law() const { return {noise, covariance, mean}; }
};

Class class_of(const NoiseSpec& noise, Spectrum spectrum, Index d) {
    CovarianceSpec spec;
    spec.spectrum = spectrum;
    spec.sigma = 1.7;
    const Stream basis(test::seed(), Purpose::kBasis, static_cast<std::uint64_t>(d));
    return {noise, make_covariance(spec, d, basis), test::gaussian(d, 1, 3)};
}

std::vector<NoiseSpec> families() {
    return {{Tails::kGaussian, 1.0, 5.0},          {Tails::kUniform, 1.0, 5.0},
            {Tails::kGeneralizedNormal, 1.0, 5.0}, {Tails::kGeneralizedNormal, 1.5, 5.0},
            {Tails::kStudentT, 1.0, 2.0},          {Tails::kStudentT, 1.0, 5.0}};
}

/// xi diag(sqrt(lambda)) Q^T + mean by the threads of the kernels, one after the other, with some
/// to spare.
RowMatrix as_a_card(const Class& c, const RowNames& names, Index n) {
    constexpr Index kSpare = 77;
    const Index d = c.mean.size();
    const cuda::WhiteNoise noise{c.noise.tails, noise_law(c.noise), names.seed, names.purpose(),
                                 static_cast<std::uint64_t>(names.first)};
    const Vector root = c.covariance.eigenvalues.cwiseSqrt();
    const bool products = c.covariance.basis.size() > 0;
    RowMatrix w = RowMatrix::Constant(n, d, kNan), x = w;
    with_tails(noise.tails, [&](auto tails) {
        for (Index at = 0; at < n + kSpare; ++at)
            cuda::draw_thread<tails.value>(at, noise, ziggurat_edges(), n, d, w.data());
    });
    for (Index at = 0; at < n * d + kSpare; ++at)
        cuda::scale_thread(at, root.data(), products ? nullptr : c.mean.data(), n, d, w.data());
    if (!products) return w;
    for (Index at = 0; at < cuda::product_threads(n, d) + kSpare; ++at)
        cuda::product_thread(at, c.covariance.basis.data(), w.data(), c.mean.data(), n, d,
                             x.data());
    return x;
}

RowMatrix filled(const Class& c, Moments moments, const RowNames& names, Index n,
                 Device device = Device::kCpu) {
    RowMatrix x = RowMatrix::Constant(n, c.mean.size(), kNan);
    fill_class(c.law(), moments, names, x, device);
    return x;
}

}  // namespace

TEST_CASE("row_product has the bits of the processor's product of a row") {
    if (kFused) {
        test::skipped("the bits of sampled rows on a card: this build fuses products and sums");
        return;
    }
    for (const Index d : {1, 2, 31, 127, 128, 129, 500, 1037, 3999, 4001}) {
        CAPTURE(d);
        Covariance covariance{Vector::Ones(d), test::gaussian(d, d, 1)};
        const RowMatrix w = test::gaussian(8, d, 2);
        RowMatrix want = w, got = RowMatrix::Constant(8, d, kNan);
        covariance.color(want);
        const double* row[8];
        for (Index r = 0; r < 8; ++r) row[r] = w.row(r).data();
        for (Index k = 0; k < d; ++k) {
            double total[8];
            row_product(covariance.basis.data() + k, row, d, total);
            for (Index r = 0; r < 8; ++r) got(r, k) = total[r];
        }
        CHECK(same_bits(got, want));
    }
}

TEST_CASE("the threads of the kernels, run on the processor, give the bits of fill_class") {
    for (const NoiseSpec& noise : families())
        for (const Spectrum spectrum : {Spectrum::kIsotropic, Spectrum::kPowerLaw})
            for (const Index d : {1, 33, 200}) {
                if (kFused && spectrum != Spectrum::kIsotropic) continue;
                CAPTURE(static_cast<int>(noise.tails));
                CAPTURE(d);
                const Class c = class_of(noise, spectrum, d);
                const RowNames names{test::seed(), d == 33, 1000};
                CHECK(
                    same_bits(filled(c, Moments::kPopulation, names, 31), as_a_card(c, names, 31)));
            }
}

TEST_CASE("on the processor no class is left to a device") {
    const Class c = class_of({}, Spectrum::kPowerLaw, 300);
    RowMatrix x = RowMatrix::Constant(2000, 300, 5.0);
    CHECK_FALSE(draw_on_device(Device::kCpu, c.law(), {1, false, 0}, x));
    CHECK_FALSE(color_on_device(Device::kCpu, c.law(), x));
    CHECK((x.array() == 5.0).all());
}

TEST_CASE("GPU: classes have the processor's bits") {
    if (!test::card_for(1)) return;
    // Pieces, groups of rows and stretches of sums that do not come out even.
    const std::vector<std::pair<Index, Index>> sizes = {{1501, 200}, {300001, 64}, {130003, 31}};
    for (const NoiseSpec& noise : families())
        for (const Spectrum spectrum : {Spectrum::kIsotropic, Spectrum::kPowerLaw})
            for (const auto& [n, d] : sizes) {
                CAPTURE(static_cast<int>(noise.tails));
                CAPTURE(static_cast<int>(spectrum));
                CAPTURE(n);
                CAPTURE(d);
                const Class c = class_of(noise, spectrum, d);
                const RowNames names{test::seed(), false, 7};
                const bool products = spectrum != Spectrum::kIsotropic;
                const RowMatrix want = filled(c, Moments::kPopulation, names, n);
                const RowMatrix exact = filled(c, Moments::kSample, names, n);
                CHECK(same_bits(filled(c, Moments::kPopulation, names, n, Device::kCuda), want));
                CHECK(same_bits(filled(c, Moments::kSample, names, n, Device::kCuda), exact));
                RowMatrix x = RowMatrix::Constant(n, d, kNan);
                const bool large = products || n * d >= 3750000;
                CHECK(draw_on_device(Device::kCuda, c.law(), names, x) ==
                      (large && draws_alike_everywhere(noise) && !(kFused && products)));
                CHECK(color_on_device(Device::kCuda, c.law(), x) == (products && !kFused));
            }
}

TEST_CASE("GPU: many threads sample at the same time") {
    if (!test::card_for(1)) return;
    const Class c = class_of({}, Spectrum::kPowerLaw, 150);
    const RowMatrix want = filled(c, Moments::kPopulation, {5, true, 0}, 3000);
    int wrong = 0;
#pragma omp parallel for num_threads(8) reduction(+ : wrong)
    for (int k = 0; k < 32; ++k)
        wrong +=
            !same_bits(filled(c, Moments::kPopulation, {5, true, 0}, 3000, Device::kCuda), want);
    CHECK(wrong == 0);
}
