// The three products against plain loops in double, whatever the number of threads; and how a
// checkpoint becomes blocks of numbers.

#include "sim/lm/train/product.hpp"

#include <doctest/doctest.h>

#include "tests/support/transformer_support.hpp"

using namespace prefdyn;
using namespace prefdyn::finetune;
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
    const ConstRows<Real> weight(w.data(), w.rows(), w.cols());
    add_forward(x, weight, p.y);
    add_backward(dy, weight, p.dx);
    add_gradient(dy, x, RowsMap<Real>(p.dw.data(), w.rows(), w.cols()));
    add_row_sum(dy, RowsMap<Real>(p.db.data(), 1, w.rows()));
    set_forward(x, weight, p.set_y);
    set_backward(dy, weight, p.set_dx);
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

TEST_CASE("a checkpoint as blocks, tied, untied and cut loose") {
    for (const bool tied : {true, false}) {
        SmallModel m;
        m.tied = tied;
        m.qkv_bias = m.output_bias = m.mlp_bias = true;
        m.more = ", \"attention_bias\": true, \"mlp_bias\": true";
        const Weights weights = random_weights(m, 3);
        const TemporaryDirectory folder;
        write_checkpoint(folder / "m", m, weights, "BF16");
        const transformer::Checkpoint checkpoint(folder / "m");
        for (const bool own : {false, true}) {
            const Layout layout(checkpoint.config(), own);
            CHECK(layout.tied() == (tied && !own));
            const auto values = read_parameters<double>(checkpoint, layout);
            CHECK(layout.count() == Index(weights.size()) + (tied && own ? 1 : 0));
            for (int b = 0; b < layout.count(); ++b) {
                const Block& block = layout.block(b);
                CAPTURE(block.name);
                CHECK(layout.find(block.name) == b);
                const bool copied = tied && block.name == "lm_head.weight";
                const Weight& want = weights.at(copied ? "model.embed_tokens.weight" : block.name);
                CHECK(block.size() == Index(want.value.size()));
                CHECK(std::equal(want.value.begin(), want.value.end(), values.matrix(b).data()));
            }
        }
    }
}

TEST_CASE("parameters hold some blocks or all, zero at first") {
    SmallModel m;
    const TemporaryDirectory folder;
    write_checkpoint(folder / "m", m, random_weights(m, 4));
    const transformer::Checkpoint checkpoint(folder / "m");
    const Layout layout(checkpoint.config());
    std::vector<bool> held(static_cast<std::size_t>(layout.count()), false);
    const int query = layout.part(1, Part::kQuery);
    held[static_cast<std::size_t>(query)] = true;
    const Parameters<float> some(layout, held);
    CHECK(some.values().size() == m.hidden * m.heads * m.head_size);
    CHECK((some.values().array() == 0.0f).all());
    CHECK(some.has(query));
    CHECK_FALSE(some.has(layout.head()));
    CHECK_FALSE(some.has(layout.part(0, Part::kQueryBias)));
    CHECK(Parameters<float>(layout).values().size() == checkpoint.config().parameters());
}
