#include "experiments/certify/exact/rows.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <optional>

namespace prefdyn::certify {

Real inner(const RealVector& a, const RealVector& b) {
    return dot(a.data(), 1, b.data(), 1, static_cast<std::ptrdiff_t>(a.size()));
}

RealVector difference(const RealVector& a, const RealVector& b) {
    RealVector out = a;
    for (std::size_t j = 0; j < a.size(); ++j) out[j] -= b[j];
    return out;
}

Real norm(const RealVector& x) {
    return sqrt(dot(x.data(), 1, x.data(), 1, static_cast<std::ptrdiff_t>(x.size())));
}

Rows::Rows(const Dataset& data) : n(data.samples()), d(data.dimension()) {
    z.reserve(static_cast<std::size_t>(n * d));
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < d; ++j)
            z.emplace_back(data.features(i, j) * data.label[static_cast<std::size_t>(i)]);
}

RealVector Rows::weighted(const RealVector& weight) const {
    RealVector out;
    out.reserve(static_cast<std::size_t>(d));
    for (Index j = 0; j < d; ++j) out.push_back(dot(z.data() + j, d, weight.data(), 1, n));
    return out;
}

namespace {

/// A symmetric matrix of `order` rows, row-major.
struct Symmetric {
    Index order;
    RealVector entry;

    explicit Symmetric(Index k) : order(k), entry(static_cast<std::size_t>(k * k)) {}
    Real& at(Index i, Index j) { return entry[static_cast<std::size_t>(i * order + j)]; }
    const Real& at(Index i, Index j) const {
        return entry[static_cast<std::size_t>(i * order + j)];
    }
    const Real* row(Index i) const { return entry.data() + i * order; }
};

/// Z^T Z or Z Z^T, whichever is smaller: their largest eigenvalues are the same.
Symmetric gram(const Rows& rows) {
    const bool tall = rows.d <= rows.n;
    Symmetric out(tall ? rows.d : rows.n);
    for (Index i = 0; i < out.order; ++i)
        for (Index j = 0; j <= i; ++j)
            out.at(i, j) = out.at(j, i) =
                tall ? dot(rows.z.data() + i, rows.d, rows.z.data() + j, rows.d, rows.n)
                     : dot(rows.row(i), 1, rows.row(j), 1, rows.d);
    return out;
}

struct Pair {
    double value;
    Vector vector;
};

/// In double precision, of the matrix divided by its trace: any scale is fine.
Pair approximate_pair(const Symmetric& a, const Real& trace) {
    Matrix m(a.order, a.order);
    for (Index i = 0; i < a.order; ++i)
        for (Index j = 0; j < a.order; ++j) m(i, j) = (a.at(i, j) / trace).value();
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(m);
    return {solver.eigenvalues()(a.order - 1), solver.eigenvectors().col(a.order - 1)};
}

/// L with L L^T = mu I - A, if every pivot is positive beyond doubt.
std::optional<Symmetric> cholesky(const Symmetric& a, const Real& mu) {
    Symmetric l(a.order);
    for (Index i = 0; i < a.order; ++i)
        for (Index j = 0; j <= i; ++j) {
            Real rest = -a.at(i, j) - dot(l.row(i), 1, l.row(j), 1, j);
            if (i != j) {
                l.at(i, j) = rest / l.at(j, j);
                continue;
            }
            rest += mu;
            if (!rest.is_positive()) return std::nullopt;
            l.at(i, i) = sqrt(rest);
        }
    return l;
}

/// x = (L L^T)^-1 x, its errors dropped: any vector will do.
void solve(const Symmetric& l, RealVector& x) {
    const Index k = l.order;
    const auto entry = [&](Index i) -> Real& { return x[static_cast<std::size_t>(i)]; };
    for (Index i = 0; i < k; ++i)
        entry(i) = ((entry(i) - dot(l.row(i), 1, x.data(), 1, i)) / l.at(i, i)).middle();
    for (Index i = k - 1; i >= 0; --i) {
        const Real above =
            i + 1 < k ? dot(l.row(i + 1) + i, k, x.data() + i + 1, 1, k - 1 - i) : Real();
        entry(i) = ((entry(i) - above) / l.at(i, i)).middle();
    }
}

Real rayleigh_quotient(const Symmetric& a, const RealVector& x) {
    RealVector image;
    for (Index i = 0; i < a.order; ++i) image.push_back(dot(a.row(i), 1, x.data(), 1, a.order));
    return dot(x.data(), 1, image.data(), 1, a.order) / dot(x.data(), 1, x.data(), 1, a.order);
}

/// 1 + 2^-k.
Real above_one(long k) { return Real(1.0) + Real(std::ldexp(1.0, static_cast<int>(-k))); }

/// Of a matrix that is not zero. Every step is at more bits than the result, since pivots cancel.
Real enclose(const Rows& rows, long bits, long working) {
    const Precision more(working);
    const Symmetric a = gram(rows);
    Real trace;
    for (Index i = 0; i < a.order; ++i) trace += a.at(i, i);
    if (trace.is_zero() || a.order == 1) return trace;
    const Pair pair = approximate_pair(a, trace);
    RealVector x(pair.vector.begin(), pair.vector.end());
    Real below = rayleigh_quotient(a, x), above = trace;
    for (const long k : {44L, 36L, 24L, 12L}) {
        const Real mu = (trace * Real(pair.value) * above_one(k)).middle();
        const auto factor = cholesky(a, mu);
        if (!factor) continue;
        above = mu;
        for (int round = 0; round < 2 + bits / 32; ++round) solve(*factor, x);
        below = rayleigh_quotient(a, x);
        break;
    }
    for (const long k : {bits, bits / 2}) {
        const Real mu = (below * above_one(k)).middle();
        if (!cholesky(a, mu)) continue;
        above = mu;
        break;
    }
    return Real::hull(below, above);
}

}  // namespace

Real largest_eigenvalue(const Rows& rows) {
    const long bits = Precision::bits();
    const Index order = std::min(rows.n, rows.d);
    Real out;
    for (long working = 2 * bits + 64 + 2 * order, tries = 0; tries < 3; ++tries, working *= 2) {
        out = enclose(rows, bits, working);
        if (out.narrower_than(out) >= bits / 2) break;
    }
    return out / Real(static_cast<double>(rows.n));
}

}  // namespace prefdyn::certify
