// The matrix product and the inner loops, on every instruction set this machine runs.
#include "sim/lm/model/gemm/gemm.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;

namespace {

RowsF random_rows(Index rows, Index columns, std::uint64_t index) {
    return test::gaussian(rows, columns, index).cast<float>();
}

Tensor view(const RowsF& x) {
    Tensor t{"w", "memory", "F32", Dtype::kF32, {x.rows(), x.cols()}, {}};
    t.bytes = std::as_bytes(std::span(x.data(), static_cast<std::size_t>(x.size())));
    return t;
}

/// Largest |got - want| over the sum of absolute terms, from the definition.
double worst_error(const RowsF& x, const RowsF& w, const RowsF& y, double start) {
    double worst = 0.0;
    for (Index i = 0; i < x.rows(); ++i)
        for (Index o = 0; o < w.rows(); ++o) {
            double sum = start, scale = std::fabs(start);
            for (Index k = 0; k < x.cols(); ++k) {
                sum += double(x(i, k)) * double(w(o, k));
                scale += std::fabs(double(x(i, k)) * double(w(o, k)));
            }
            const double error = std::fabs(double(y(i, o)) - sum) / scale;
            if (!(error <= worst)) worst = error;
        }
    return worst;
}

bool same(const RowsF& a, const RowsF& b) {
    return a.rows() == b.rows() && a.cols() == b.cols() &&
           std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0;
}

RowsF product(const CpuKernels& kernels, const RowsF& x, const PackedMatrix& w) {
    RowsF y = RowsF::Constant(x.rows(), w.outputs(), std::numeric_limits<float>::quiet_NaN());
    multiply(kernels, view_of(x), w, y.data(), y.cols(), false);
    return y;
}

constexpr Index kRows[] = {1, 2, 5, 6, 7, 12, 13, 31, 193, 400};

}  // namespace

TEST_CASE("products equal the definition at awkward sizes, written or added") {
    std::uint64_t index = 7000;
    for (const CpuKernels* kernels : runnable_kernels())
        for (const Index out : {1, 15, 16, 17, 140})
            for (const Index in : {1, 31, 256, 257, 600}) {
                CAPTURE(kernels->name);
                CAPTURE(out);
                CAPTURE(in);
                const RowsF x = random_rows(13, in, ++index), w = random_rows(out, in, ++index);
                const Tensor tensor = view(w);
                PackedMatrix packed;
                packed.pack(tensor);
                RowsF y = product(*kernels, x, packed);
                CHECK(worst_error(x, w, y, 0.0) <= 2e-6);
                y.setConstant(3.0f);
                multiply(*kernels, view_of(x), packed, y.data(), out, true);
                CHECK(worst_error(x, w, y, 3.0) <= 2e-6);
            }
}

TEST_CASE("a left side that lies in columns gives the bits of one in rows") {
    std::uint64_t index = 7050;
    for (const CpuKernels* kernels : runnable_kernels())
        for (const Index rows : kRows)
            for (const Index in : {1, 3, 31, 256, 258, 600}) {
                CAPTURE(rows);
                CAPTURE(in);
                const RowsF x = random_rows(rows, in, ++index), w = random_rows(33, in, ++index);
                // beside it something that must not be read
                RowsF transposed = RowsF::Constant(in, rows + 3, std::nanf(""));
                transposed.leftCols(rows) = x.transpose();
                PackedMatrix packed;
                packed.pack(view_of(w));
                RowsF y = RowsF::Constant(rows, 33, std::nanf(""));
                multiply(*kernels, {transposed.data(), rows, in, 1, rows + 3}, packed, y.data(), 33,
                         false);
                CHECK(same(y, product(*kernels, x, packed)));
            }
}

TEST_CASE("a right side is packed alike from rows and from columns") {
    for (const Index out : {1, 15, 16, 17, 50})
        for (const Index in : {1, 3, 31, 256}) {
            const RowsF w = random_rows(out, in, 7090), transposed = w.transpose();
            const RowsF x = random_rows(7, in, 7091);
            const Tensor tensor = view(w);
            PackedMatrix whole, rows, columns;
            whole.pack(tensor);
            rows.pack(view_of(w));
            columns.pack(view_of(transposed).transposed());
            CHECK(same(product(best_kernels(), x, rows), product(best_kernels(), x, whole)));
            CHECK(same(product(best_kernels(), x, columns), product(best_kernels(), x, whole)));
        }
}

TEST_CASE("some rows of a tensor are packed alone") {
    const RowsF w = random_rows(30, 40, 7102), x = random_rows(3, 40, 7103);
    const Tensor tensor = view(w);
    PackedMatrix whole, some;
    whole.pack(tensor);
    some.pack_rows(tensor, 7, 20);
    const RowsF y = product(best_kernels(), x, whole);
    CHECK(same(product(best_kernels(), x, some), y.middleCols(7, 20)));
}

TEST_CASE("a row has the same bits whatever the other rows and the threads are") {
    const RowsF x = random_rows(400, 600, 7200), w = random_rows(140, 600, 7201);
    const Tensor tensor = view(w);
    PackedMatrix packed;
    packed.pack(tensor);
    for (const CpuKernels* kernels : runnable_kernels()) {
        const RowsF all = product(*kernels, x, packed);
        for (const Index rows : kRows)
            for (const int threads : {1, 2, 5}) {
                const test::Threads scope(threads);
                CHECK(same(product(*kernels, x.bottomRows(rows), packed), all.bottomRows(rows)));
            }
    }
}

TEST_CASE("instruction sets that fuse multiply and add agree in every bit") {
    const RowsF x = random_rows(50, 600, 7300), w = random_rows(140, 600, 7301);
    const Tensor tensor = view(w);
    PackedMatrix packed;
    packed.pack(tensor);
    std::vector<RowsF> fused;
    for (const CpuKernels* kernels : runnable_kernels())
        if (kernels->fused) fused.push_back(product(*kernels, x, packed));
    for (const RowsF& each : fused) CHECK(same(each, fused.front()));
}

TEST_CASE("the gate equals silu(g) u, alike on every instruction set") {
    for (const Index n : {1, 7, 8, 9, 1000}) {
        const RowsF g = 10.0f * random_rows(1, n, 7400), u = random_rows(1, n, 7401);
        std::vector<RowsF> results;
        for (const CpuKernels* kernels : runnable_kernels()) {
            RowsF x = g;
            kernels->gate(x.data(), u.data(), n);
            for (Index i = 0; i < n; ++i) {
                const double want = double(g(i)) / (1.0 + std::exp(-double(g(i)))) * double(u(i));
                CHECK(test::relative_error(double(x(i)), want) <= 1e-6);
            }
            results.push_back(x);
            CHECK(same(x, results.front()));
        }
    }
    RowsF far(1, 4), one = RowsF::Ones(1, 4);
    far << 1e30f, -1e30f, std::numeric_limits<float>::quiet_NaN(), 0.0f;
    best_kernels().gate(far.data(), one.data(), 4);
    CHECK(far(0) == 1e30f);
    CHECK(std::fabs(far(1)) <= 1e-7f);
    CHECK(std::isnan(far(2)));
    CHECK(far(3) == 0.0f);
}

TEST_CASE("the gradients of the gate equal their formula, alike on every instruction set") {
    constexpr float kPoison = 12345.0f;
    for (const Index n : {1, 7, 8, 9, 1000}) {
        const RowsF g = 5.0f * random_rows(1, n, 7410), u = random_rows(1, n, 7411),
                    da = random_rows(1, n, 7412);
        std::vector<RowsF> results;
        for (const CpuKernels* kernels : runnable_kernels()) {
            RowsF both = RowsF::Constant(2, n + 1, kPoison);
            kernels->gate_backward(g.data(), u.data(), da.data(), both.row(0).data(),
                                   both.row(1).data(), n);
            CHECK((both.col(n).array() == kPoison).all());
            for (Index i = 0; i < n; ++i) {
                const double x = double(g(i)), s = 1.0 / (1.0 + std::exp(-x));
                const double dg = double(da(i)) * double(u(i)) * s * (1.0 + x * (1.0 - s));
                CHECK(std::fabs(double(both(0, i)) - dg) <=
                      1e-6 * std::fabs(double(da(i)) * double(u(i))) * (1.0 + std::fabs(x)));
                CHECK(test::relative_error(double(both(1, i)), double(da(i)) * x * s) <= 1e-6);
            }
            results.push_back(both);
            CHECK(same(both, results.front()));
        }
    }
}

TEST_CASE("softmax equals its formula, alike on every instruction set") {
    constexpr float kPoison = 12345.0f;
    for (const Index n : {1, 2, 7, 8, 9, 127, 1000})
        for (const float scale : {0.125f, 3.0f}) {
            const RowsF x = 4.0f * random_rows(1, n, 7420);
            double total = 0.0;
            const double top = double(x.maxCoeff());
            for (Index i = 0; i < n; ++i) total += std::exp(double(scale) * (double(x(i)) - top));
            std::vector<RowsF> results;
            for (const CpuKernels* kernels : runnable_kernels()) {
                RowsF y = RowsF::Constant(1, n + 1, kPoison);
                y.leftCols(n) = x;
                kernels->softmax(y.data(), n, scale);
                CHECK(y(n) == kPoison);
                for (Index i = 0; i < n; ++i) {
                    const double want = std::exp(double(scale) * (double(x(i)) - top)) / total;
                    CHECK(std::fabs(double(y(i)) - want) <= 5e-6 * want + 1e-30);
                }
                results.push_back(y);
                CHECK(same(y, results.front()));
            }
        }
    for (const CpuKernels* kernels : runnable_kernels()) {
        RowsF bad = RowsF::Ones(1, 20);
        bad(13) = std::nanf("");
        kernels->softmax(bad.data(), 20, 1.0f);
        CHECK(bad.array().isNaN().all());
    }
}
