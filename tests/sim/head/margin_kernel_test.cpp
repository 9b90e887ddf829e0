// The hot loop against a twin written from the formula, with nothing shared.
#include "sim/head/margin_kernel.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

struct Plain {
    double loss = 0.0;
    std::vector<double> direction, scale;  ///< (d); scale: the same sum of absolute values
    std::vector<double> margin, margin_scale;
};

/// m_i = 2 beta s_i (g_i . v); direction = beta / B sum sigma(-m_i) s_i g_i; L = mean log(1 +
/// e^-m).
Plain plain_pass(const Dataset& data, double beta, const std::vector<Index>& rows,
                 const Vector& v) {
    const auto d = static_cast<std::size_t>(data.dimension());
    Plain out{0.0, std::vector<double>(d, 0.0), std::vector<double>(d, 0.0), {}, {}};
    for (const Index i : rows) {
        double m = 0.0, size = 0.0;
        const double s = data.label[static_cast<std::size_t>(i)];
        for (Index j = 0; j < data.dimension(); ++j) {
            m += 2.0 * beta * s * data.features(i, j) * v(j);
            size += std::fabs(2.0 * beta * data.features(i, j) * v(j));
        }
        out.margin.push_back(m);
        out.margin_scale.push_back(size);
        out.loss += std::log(1.0 + std::exp(-m)) / double(rows.size());
        for (std::size_t j = 0; j < d; ++j) {
            const double g = data.features(i, static_cast<Index>(j));
            const double term = beta * s * g / (1.0 + std::exp(m)) / double(rows.size());
            out.direction[j] += term;
            out.scale[j] += std::fabs(term);
        }
    }
    return out;
}

std::vector<Index> all_rows(Index n) {
    std::vector<Index> rows;
    for (Index i = 0; i < n; ++i) rows.push_back(i);
    return rows;
}

void check_pass(const Dataset& data, const std::vector<Index>& batch, const Vector& v) {
    const auto loss = make_margin_loss({});
    const std::vector<Index> rows = batch.empty() ? all_rows(data.samples()) : batch;
    const Plain want = plain_pass(data, 0.3, rows, v);
    Vector direction = Vector::Constant(data.dimension(), kNan);
    std::vector<double> margins(rows.size(), kNan);
    const MarginPass pass{data.features, data.label, *loss, 0.3, batch};
    CHECK(test::relative_error(margin_pass(pass, v, direction, margins.data()), want.loss) <=
          1e-13);
    REQUIRE(direction.size() == data.dimension());
    double worst = 0.0;
    for (std::size_t b = 0; b < rows.size(); ++b)
        if (!(std::fabs(margins[b] - want.margin[b]) <= 1e-13 * want.margin_scale[b])) worst = 1.0;
    for (std::size_t j = 0; j < want.direction.size(); ++j)
        if (!(std::fabs(direction(Index(j)) - want.direction[j]) <= 1e-13 * want.scale[j]))
            worst = 2.0;
    CHECK(worst == 0.0);
}

}  // namespace

TEST_CASE("margin_pass equals its plain twin at awkward sizes, all rows and batches") {
    std::uint64_t index = 100;
    for (const Index n : {1, 31, 33, 1000})
        for (const Index d : {1, 31, 33, 1000}) {
            CAPTURE(n);
            CAPTURE(d);
            const Dataset data = test::gaussian_dataset(n, d, index++);
            const Vector v = test::gaussian(d, 1, index++) / std::sqrt(double(d));
            check_pass(data, {}, v);
            check_pass(data, {n - 1, 0, n / 2, 0}, v);  // out of order and repeated
        }
}

TEST_CASE("margins may be left out, and the smallest chunk boundary is crossed") {
    // d = 1000: 33 rows a chunk, so 67 rows make three.
    const Dataset data = test::gaussian_dataset(67, 1000, 200);
    check_pass(data, {}, test::gaussian(1000, 1, 201));
    const auto loss = make_margin_loss({});
    const MarginPass pass{data.features, data.label, *loss, 0.1, {}};
    const Vector v = test::gaussian(1000, 1, 201);
    Vector with, without;
    std::vector<double> margins(67);
    CHECK(margin_pass(pass, v, with, margins.data()) == margin_pass(pass, v, without, nullptr));
    CHECK(test::same_bits(with, without));
}

TEST_CASE("margins_only gives the margins of margin_pass") {
    for (const Index n : {1, 31, 33, 1000})
        for (const Index d : {1, 31, 33, 1000}) {
            const Dataset data = test::gaussian_dataset(n, d, 210);
            const Vector v = test::gaussian(d, 1, 211);
            const Plain want = plain_pass(data, 0.3, all_rows(n), v);
            std::vector<double> margins(static_cast<std::size_t>(n), kNan);
            margins_only(data.features, data.label, 0.3, v, margins.data());
            bool good = true;
            for (std::size_t i = 0; i < margins.size(); ++i)
                good =
                    good && std::fabs(margins[i] - want.margin[i]) <= 1e-13 * want.margin_scale[i];
            CHECK(good);
        }
}

TEST_CASE("NaN in the parameters is not lost") {
    const Dataset data = test::gaussian_dataset(5, 3, 220);
    const auto loss = make_margin_loss({});
    Vector v = Vector::Zero(3), direction;
    v(1) = kNan;
    const MarginPass pass{data.features, data.label, *loss, 0.1, {}};
    CHECK(std::isnan(margin_pass(pass, v, direction, nullptr)));
    CHECK(direction.array().isNaN().all());
}

TEST_CASE("margin_pass has the same bits for 1, 2 and 8 threads") {
    const Dataset data = test::gaussian_dataset(6000, 64, 230);  // 12 chunks
    const Vector v = test::gaussian(64, 1, 231);
    const auto loss = make_margin_loss({});
    const MarginPass pass{data.features, data.label, *loss, 0.1, {}};
    std::vector<Vector> directions(3), margins(3, Vector::Zero(6000));
    std::vector<double> losses;
    for (std::size_t k = 0; k < 3; ++k) {
        const test::Threads scope(k == 0 ? 1 : k == 1 ? 2 : 8);
        losses.push_back(margin_pass(pass, v, directions[k], margins[k].data()));
    }
    for (std::size_t k = 1; k < 3; ++k) {
        CHECK(losses[k] == losses[0]);
        CHECK(test::same_bits(directions[k], directions[0]));
        CHECK(test::same_bits(margins[k], margins[0]));
    }
}
