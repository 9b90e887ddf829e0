#include "sim/data/sampling.hpp"

#include <Eigen/Cholesky>

#include "sim/data/sampling_device.hpp"

namespace prefdyn {

Vector random_unit(Index d, Stream stream) {
    Vector u(d);
    fill_noise(NoiseSpec{}, stream, u.data(), d);
    return u.normalized();
}

Vector random_orthogonal_unit(const Vector& u, Stream stream) {
    Vector w = random_unit(u.size(), stream);
    for (int pass = 0; pass < 2; ++pass) w = (w - u.dot(w) * u).normalized();
    return w;
}

Covariance make_covariance(const CovarianceSpec& spec, Index d, Stream basis) {
    Covariance sigma{spectrum_eigenvalues(spec, d), {}};
    if (spec.spectrum != Spectrum::kIsotropic) sigma.basis = random_orthogonal(d, basis);
    return sigma;
}

namespace {

constexpr Index kParallelElements = Index{1} << 17;  // below this, less than a millisecond

void fill_white(const NoiseSpec& noise, const RowNames& names, Eigen::Ref<RowMatrix> x) {
    const Purpose purpose = names.purpose();
#pragma omp parallel for schedule(static) if (x.size() >= kParallelElements)
    for (Index i = 0; i < x.rows(); ++i) {
        Stream stream(names.seed, purpose, static_cast<std::uint64_t>(names.first + i));
        fill_noise(noise, stream, x.row(i).data(), x.cols());
    }
}

/// Makes the sample mean of the rows 0 and their covariance (ddof = 1) the identity. The second
/// pass removes the rounding the first one leaves when the sample covariance is ill conditioned.
void whiten(Eigen::Ref<RowMatrix> x) {
    const double divisor = static_cast<double>(x.rows() - 1);
    for (int pass = 0; pass < 2; ++pass) {
        x.rowwise() -= x.colwise().mean().eval();
        const Matrix c = x.transpose() * x / divisor;
        const Eigen::LLT<Matrix> cholesky(c);
        x = cholesky.matrixU().solve<Eigen::OnTheRight>(x).eval();
    }
}

}  // namespace

void fill_class(const ClassLaw& law, Moments moments, const RowNames& names,
                Eigen::Ref<RowMatrix> x, Device device) {
    if (moments == Moments::kPopulation && draw_on_device(device, law, names, x)) return;
    fill_white(law.noise, names, x);
    if (moments == Moments::kSample) whiten(x);
    if (color_on_device(device, law, x)) return;
    law.covariance.color(x);
    x.rowwise() += law.mean.transpose();
}

}  // namespace prefdyn
