#include "sim/clusters/clusters.hpp"

#include <doctest/doctest.h>

#include "sim/clusters/pair_heads.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

namespace {

ClusterSpec small(std::vector<TokenPair> pairs) {
    return {.samples = 3, .dimension = 6, .offset = 0.5, .spread = 0.3, .pairs = std::move(pairs)};
}

/// Rows of a head of V tokens, trained by plain gradient descent on the mean of log(1 + e^-m).
Matrix trained_rows(const RowMatrix& z, const std::vector<TokenPair>& pairs, Index tokens,
                    double beta, double duration, int steps) {
    Matrix head = Matrix::Zero(tokens, z.cols());
    const Index rows = z.rows() / static_cast<Index>(pairs.size());
    for (int step = 0; step < steps; ++step) {
        Matrix gradient = Matrix::Zero(tokens, z.cols());
        for (Index i = 0; i < z.rows(); ++i) {
            const TokenPair p = pairs[static_cast<std::size_t>(i / rows)];
            const double m = beta * (head.row(p.first) - head.row(p.second)).dot(z.row(i));
            const double slope = -beta / (1.0 + std::exp(m)) / static_cast<double>(z.rows());
            gradient.row(p.first) += slope * z.row(i);
            gradient.row(p.second) -= slope * z.row(i);
        }
        head -= duration / steps * gradient;
    }
    return head;
}

}  // namespace

TEST_CASE("clusters have their means and spread, whatever the pairs") {
    const ClusterSpec spec{
        .samples = 20000, .dimension = 5, .offset = 0.4, .spread = 0.2, .pairs = own_pairs(2)};
    const RowMatrix z = sample_clusters(spec, 7);
    REQUIRE(z.rows() == spec.size());
    for (Index block = 0; block < 4; ++block) {
        const RowMatrix rows = z.middleRows(block * 20000, 20000);
        Vector want = Vector::Zero(5);
        want(block / 2) = 1.0;
        want(2) = block % 2 == 0 ? 0.4 : -0.4;
        const Vector mean = rows.colwise().mean();
        CHECK((mean - want).cwiseAbs().maxCoeff() <= 6.0 * 0.2 / std::sqrt(20000.0));
        const RowMatrix centred = rows.rowwise() - mean.transpose();
        const Matrix covariance = centred.transpose() * centred / 20000.0;
        CHECK((covariance - 0.04 * Matrix::Identity(5, 5)).cwiseAbs().maxCoeff() <=
              6.0 * 0.04 * std::sqrt(2.0 / 20000.0));
    }
    CHECK(sample_clusters(spec, 7) == z);
    CHECK(sample_clusters(spec, 8) != z);
}

TEST_CASE("how pairs share tokens") {
    CHECK(most_common(own_pairs(4)) == 1);
    CHECK(most_common(chained_pairs(4)) == 2);
    CHECK(most_common(one_pair(4)) == 4);
    CHECK(pair_gram(own_pairs(2)) == Matrix{{2.0, 0.0}, {0.0, 2.0}});
    CHECK(pair_gram(chained_pairs(2)) == Matrix{{2.0, -1.0}, {-1.0, 2.0}});
    CHECK(pair_gram(one_pair(2)) == Matrix{{2.0, 2.0}, {2.0, 2.0}});
    CHECK(pair_gram({{0, 1}, {1, 0}}) == Matrix{{2.0, -2.0}, {-2.0, 2.0}});
}

TEST_CASE("the reduced flow is that of the whole head") {
    const double beta = 0.7, duration = 3.0;
    for (const auto& pairs : {own_pairs(3), chained_pairs(3), one_pair(3)}) {
        const ClusterSpec spec = small(pairs);
        const RowMatrix z = sample_clusters(spec, 11);
        const PairHeads heads(z, pairs, beta);
        const PairHeads::Flow flow = heads.flow(RowMatrix::Zero(3, 6), duration, 8);
        CHECK(flow.error <= 1e-7);
        const Matrix coarse = trained_rows(z, pairs, 6, beta, duration, 2000),
                     fine = trained_rows(z, pairs, 6, beta, duration, 4000);
        const Matrix head = 2.0 * fine - coarse;  // the error of gradient descent is linear in eta
        for (Index k = 0; k < 3; ++k) {
            const TokenPair p = pairs[static_cast<std::size_t>(k)];
            const auto difference = head.row(p.first) - head.row(p.second);
            CHECK((flow.a.row(k) - difference).norm() <= 1e-6);
        }
        CHECK((flow.a - heads.flow(RowMatrix::Zero(3, 6), duration, 64).a).norm() <=
              flow.error + 1e-12);
        const Vector margins = heads.margins(flow.a);
        CHECK(std::fabs(margins(7) - beta * flow.a.row(1).dot(z.row(7))) <= 1e-14);
    }
}

TEST_CASE("what is wrong with clusters is said, all of it") {
    ClusterSpec spec = small({{0, 1}, {4, 4}, {2, -3}});
    spec.samples = 0;
    spec.dimension = 3;
    spec.offset = -1.0;
    spec.spread = 0.0;
    const std::string said = input_error([&] { validate(spec); });
    for (const char* part : {"samples a side = 0", "dimension = 3", "at least 4", "offset = -1",
                             "spread = 0", "pair 1 = (4, 4)", "pair 2 = (2, -3)"})
        CHECK_MESSAGE(contains(said, part), said);
    CHECK(contains(input_error([] { validate(ClusterSpec{.pairs = {}}); }), "no response pair"));
    validate(small(own_pairs(3)));
}

}  // namespace prefdyn::test
