// The products of a linear map against plain loops in double, whatever the number of threads.
#include "sim/lm/model/product.hpp"

#include <doctest/doctest.h>

#include "tests/support/transformer_support.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;
using namespace prefdyn::test;

namespace {

template <class Real>
Rows<Real> random_rows(Index rows, Index cols, std::uint64_t index) {
    return gaussian(rows, cols, index).template cast<Real>();
}

/// z (a, b) + sum over k of left(i, k) right(k, j), plain loops.
template <class L, class R, class Z>
RowMatrix plain(const L& left, const R& right, const Z& z) {
    RowMatrix out = z.template cast<double>();
    for (Index i = 0; i < left.rows(); ++i)
        for (Index j = 0; j < right.cols(); ++j)
            for (Index k = 0; k < left.cols(); ++k)
                out(i, j) += double(left(i, k)) * double(right(k, j));
    return out;
}

template <class Real>
struct Products {
    Rows<Real> y, dx, dw, db, set_y, set_dx;
};

template <class Real>
Products<Real> products(const Rows<Real>& x, const Rows<Real>& w, const Rows<Real>& dy,
                        const Products<Real>& start, int threads) {
    const Threads scope(threads);
    Products<Real> p = start;
    const transformer::Weight<Real> weight{w.data(), w.rows(), w.cols()};
    linear_forward(x, weight, p.y, Into::kAdd);
    backward_input(dy, weight, p.dx, Into::kAdd);
    backward_weight(dy, x, RowsMap<Real>(p.dw.data(), w.rows(), w.cols()));
    backward_bias(dy, RowsMap<Real>(p.db.data(), 1, w.rows()));
    linear_forward(x, weight, p.set_y, Into::kSet);
    backward_input(dy, weight, p.set_dx, Into::kSet);
    return p;
}

template <class Real>
void check_products(Index tokens, Index in, Index out, double tolerance) {
    CAPTURE(tokens);
    CAPTURE(in);
    CAPTURE(out);
    const auto x = random_rows<Real>(tokens, in, 1), w = random_rows<Real>(out, in, 2),
               dy = random_rows<Real>(tokens, out, 3);
    const Products<Real> start = {random_rows<Real>(tokens, out, 4),
                                  random_rows<Real>(tokens, in, 5),
                                  random_rows<Real>(out, in, 6),
                                  random_rows<Real>(1, out, 7),
                                  {},
                                  {}};
    const Products<Real> one = products(x, w, dy, start, 1), two = products(x, w, dy, start, 2);
    CHECK(relative_error(one.y.template cast<double>(), plain(x, w.transpose(), start.y)) <=
          tolerance);
    CHECK(relative_error(one.dx.template cast<double>(), plain(dy, w, start.dx)) <= tolerance);
    CHECK(relative_error(one.dw.template cast<double>(), plain(dy.transpose(), x, start.dw)) <=
          tolerance);
    const RowMatrix none_y = RowMatrix::Zero(tokens, out), none_dx = RowMatrix::Zero(tokens, in);
    CHECK(relative_error(one.set_y.template cast<double>(), plain(x, w.transpose(), none_y)) <=
          tolerance);
    CHECK(relative_error(one.set_dx.template cast<double>(), plain(dy, w, none_dx)) <= tolerance);
    const Rows<Real> ones = Rows<Real>::Ones(1, tokens);
    CHECK(relative_error(one.db.template cast<double>(), plain(ones, dy, start.db)) <= tolerance);
    CHECK((one.y.array() == two.y.array()).all());
    CHECK((one.dx.array() == two.dx.array()).all());
    CHECK((one.dw.array() == two.dw.array()).all());
}

}  // namespace

TEST_CASE("products of a linear map, forward and backward") {
    for (const Index tokens : {1, 31, 300})
        for (const Index in : {1, 16, 33, 300})
            for (const Index out : {1, 31, 272}) {
                check_products<float>(tokens, in, out, 1e-6);
                check_products<double>(tokens, in, out, 1e-14);
            }
}

TEST_CASE("a right side packed a piece at a time has the bits of its rows and columns alone") {
    for (const auto& [in, out] : {std::pair<Index, Index>{8200, 520}, {520, 8200}}) {
        REQUIRE(std::size_t(in * out) * sizeof(float) > kPackedBytes);
        const auto x = random_rows<float>(3, in, 1), w = random_rows<float>(in, out, 2);
        Rows<float> y = Rows<float>::Constant(3, out, std::nanf(""));
        multiply(view_of(x), view_of(w), y.data(), out, Into::kSet);
        CHECK(relative_error(y.cast<double>(), plain(x, w, RowMatrix::Zero(3, out))) <= 1e-6);
        for (const Index first : {Index(0), out / 2 - 8, out - 16}) {
            Rows<float> some = Rows<float>::Constant(3, 16, std::nanf(""));
            const View<float> part = {w.data() + first, in, 16, out};
            multiply(view_of(x), part, some.data(), 16, Into::kSet);
            CHECK((some.array() == y.middleCols(first, 16).array()).all());
        }
    }
}

TEST_CASE("a weight that is packed once gives the bits of one packed for every product") {
    const auto x = random_rows<float>(13, 300, 1), w = random_rows<float>(33, 300, 2);
    const transformer::Weight<float> plain_weight{w.data(), 33, 300};
    PackedMatrix packed;
    packed.pack(plain_weight.view());
    for (const Into into : {Into::kSet, Into::kAdd}) {
        Rows<float> one = random_rows<float>(13, 33, 3), two = one;
        linear_forward(x, plain_weight, one, into);
        linear_forward(x, {nullptr, 33, 300, &packed}, two, into);
        CHECK(same_bits(one, two));
    }
}
