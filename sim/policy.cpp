#include "sim/policy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/noise.hpp"
#include "sim/numerics.hpp"

namespace prefdyn {

RowMatrix gaussian_head(Index vocabulary, Index dimension, double scale, std::uint64_t seed) {
    RowMatrix head(vocabulary, dimension);
#pragma omp parallel for schedule(static)
    for (Index k = 0; k < vocabulary; ++k) {
        Stream stream(seed, Purpose::kReferenceHead, static_cast<std::uint64_t>(k));
        fill_noise(NoiseSpec{}, stream, head.row(k).data(), dimension);
    }
    return head * (scale / std::sqrt(static_cast<double>(dimension)));
}

namespace {

ReferenceLogits zero_head_logits(const Policy& policy, Index n) {
    const auto others = static_cast<double>(policy.vocabulary - 2);
    const double rest = others > 0.0 ? std::log(others) : -std::numeric_limits<double>::infinity();
    return {Vector::Zero(n), Vector::Zero(n), Vector::Constant(n, rest)};
}

}  // namespace

ReferenceLogits reference_logits(const Policy& policy, const RowMatrix& features) {
    const Index n = features.rows();
    if (policy.reference.size() == 0) return zero_head_logits(policy, n);
    ReferenceLogits out{Vector(n), Vector(n), Vector(n)};
    constexpr Index kBlock = 32;
#pragma omp parallel for schedule(dynamic)
    for (Index first = 0; first < n; first += kBlock) {
        const Index rows = std::min(kBlock, n - first);
        RowMatrix z = features.middleRows(first, rows) * policy.reference.transpose();
        for (Index r = 0; r < rows; ++r) {
            out.yes(first + r) = z(r, policy.yes);
            out.no(first + r) = z(r, policy.no);
            z(r, policy.yes) = z(r, policy.no) = -std::numeric_limits<double>::infinity();
            out.rest(first + r) = logsumexp(z.row(r).data(), z.cols());
        }
    }
    return out;
}

}  // namespace prefdyn
