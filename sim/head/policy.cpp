#include "sim/head/policy.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/ball.hpp"
#include "sim/base/levels/arrays.hpp"
#include "sim/data/noise.hpp"

namespace prefdyn {

RowMatrix gaussian_head(Index vocabulary, Index dimension, double scale, std::uint64_t seed) {
    constexpr Index kParallelDraws = Index{1} << 17;  // below this, less than a millisecond
    RowMatrix head(vocabulary, dimension);
#pragma omp parallel for schedule(static) if (head.size() >= kParallelDraws)
    for (Index k = 0; k < vocabulary; ++k) {
        Stream stream(seed, Purpose::kReferenceHead, static_cast<std::uint64_t>(k));
        fill_noise(NoiseSpec{}, stream, head.row(k).data(), dimension);
    }
    return head * (scale / std::sqrt(static_cast<double>(dimension)));
}

namespace {

ReferenceLogits zero_head_logits(const Policy& policy, Index n) {
    const auto others = static_cast<double>(policy.vocabulary - 2);
    const double rest = others > 0.0 ? std::log(others) : -kInfinity;
    return {Vector::Zero(n), Vector::Zero(n), Vector::Constant(n, rest)};
}

/// Takes the logits z (rows, count) of head rows from `first` on into out's rows from `at` on.
void absorb(const Policy& policy, Index first, RowMatrix& z, Index at, ReferenceLogits& out) {
    const auto take = [&](Index token, Vector& column) {
        if (token < first || token >= first + z.cols()) return;
        column.segment(at, z.rows()) = z.col(token - first);
        z.col(token - first).setConstant(-kInfinity);
    };
    take(policy.yes, out.yes);
    take(policy.no, out.no);
    for (Index r = 0; r < z.rows(); ++r)
        out.rest(at + r) =
            logaddexp(out.rest(at + r), array_functions().logsumexp(z.row(r).data(), z.cols()));
}

}  // namespace

ReferenceLogits reference_logits(const Policy& policy, const HeadRows& head,
                                 const RowMatrix& features) {
    constexpr Index kHeadBlock = 4096, kBlock = 32;
    constexpr Index kParallelProducts = 4000000;  // about a millisecond of them
    const Index n = features.rows();
    ReferenceLogits out{Vector(n), Vector(n), Vector::Constant(n, -kInfinity)};
    for (Index first = 0; first < policy.vocabulary; first += kHeadBlock) {
        const RowMatrix block = head(first, std::min(kHeadBlock, policy.vocabulary - first));
#pragma omp parallel for schedule(dynamic) if (n * block.size() >= kParallelProducts)
        for (Index at = 0; at < n; at += kBlock) {
            RowMatrix z = features.middleRows(at, std::min(kBlock, n - at)) * block.transpose();
            absorb(policy, first, z, at, out);
        }
    }
    return out;
}

double reference_logit_error(const Policy& policy) {
    const RowMatrix& head = policy.reference;
    if (head.size() == 0) return 0.0;
    return gamma_of(static_cast<double>(head.cols()) + 4.0) * head.rowwise().norm().maxCoeff();
}

ReferenceLogits reference_logits(const Policy& policy, const RowMatrix& features) {
    if (policy.reference.size() == 0) return zero_head_logits(policy, features.rows());
    const auto rows = [&](Index first, Index count) {
        return RowMatrix(policy.reference.middleRows(first, count));
    };
    return reference_logits(policy, rows, features);
}

ReferenceLogits select(const ReferenceLogits& logits, const std::vector<Index>& rows) {
    return {logits.yes(rows), logits.no(rows), logits.rest(rows)};
}

}  // namespace prefdyn
