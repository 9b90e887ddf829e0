#include "sim/head/policy.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

/// log sum of exp z over the tokens that are neither yes nor no, plain loop.
double plain_rest(const Policy& policy, const RowMatrix& features, Index i) {
    long double sum = 0.0L;
    for (Index k = 0; k < policy.vocabulary; ++k) {
        long double z = 0.0L;
        for (Index j = 0; j < features.cols(); ++j)
            z += static_cast<long double>(policy.reference(k, j)) * features(i, j);
        if (k != policy.yes && k != policy.no) sum += std::exp(z);
    }
    return static_cast<double>(std::log(sum));
}

}  // namespace

TEST_CASE("reference logits agree with plain loops at awkward sizes") {
    for (const Index n : {1, 31, 33})
        for (const Index V : {3, 50}) {
            Policy policy{V, V - 1, 0, 0.1, gaussian_head(V, 5, 2.0, test::seed())};
            const RowMatrix g = test::gaussian(n, 5, 70);
            const ReferenceLogits z = reference_logits(policy, g);
            for (Index i = 0; i < n; ++i) {
                const double yes = policy.reference.row(V - 1).dot(g.row(i));
                CHECK(std::fabs(z.yes(i) - yes) <= 1e-13);
                CHECK(std::fabs(z.no(i) - policy.reference.row(0).dot(g.row(i))) <= 1e-13);
                CHECK(std::fabs(z.rest(i) - plain_rest(policy, g, i)) <= 1e-13);
            }
        }
}

TEST_CASE("a head read in blocks gives the logits of the whole head") {
    const Index V = 9001, d = 5;  // three blocks; the pair in the first and in the last
    Policy policy{V, V - 1, 3, 0.1, gaussian_head(V, d, 2.0, test::seed())};
    const RowMatrix g = test::gaussian(33, d, 73);
    Index rows_read = 0;
    const HeadRows head = [&](Index first, Index count) {
        CHECK(first == rows_read);
        rows_read += count;
        return RowMatrix(policy.reference.middleRows(first, count));
    };
    const ReferenceLogits z = reference_logits(policy, head, g);
    CHECK(rows_read == V);
    for (Index i = 0; i < 33; ++i) {
        CHECK(std::fabs(z.yes(i) - policy.reference.row(V - 1).dot(g.row(i))) <= 1e-13);
        CHECK(std::fabs(z.no(i) - policy.reference.row(3).dot(g.row(i))) <= 1e-13);
        CHECK(std::fabs(z.rest(i) - plain_rest(policy, g, i)) <= 1e-12);
    }
    const ReferenceLogits part = select(z, {32, 0});
    CHECK(part.yes(0) == z.yes(32));
    CHECK(part.no(1) == z.no(0));
    CHECK(part.rest(0) == z.rest(32));
}

TEST_CASE("the zero head is a uniform policy") {
    const RowMatrix g = test::gaussian(4, 3, 71);
    for (const Index V : {2, 3, 32000}) {
        const ReferenceLogits z = reference_logits({V, 0, 1, 0.1, {}}, g);
        const double others = std::log(double(V - 2));  // -infinity for V = 2
        CHECK(z.yes.norm() == 0.0);
        CHECK(z.no.norm() == 0.0);
        for (Index i = 0; i < 4; ++i) CHECK(z.rest(i) == others);
    }
}

TEST_CASE("a two-token head has nothing else to choose") {
    const Policy policy{2, 1, 0, 0.1, gaussian_head(2, 3, 1.0, 1)};
    const ReferenceLogits z = reference_logits(policy, test::gaussian(4, 3, 72));
    for (Index i = 0; i < 4; ++i) CHECK(z.rest(i) == -kInfinity);
}

TEST_CASE("gaussian_head has entries N(0, scale^2 / d), any number of threads and rows") {
    const Index V = 4000, d = 25;
    RowMatrix head = gaussian_head(V, d, 3.0, test::seed());
    const double count = double(V * d), variance = 9.0 / 25.0;
    CHECK(std::fabs(head.mean()) <= test::kSigmas * std::sqrt(variance / count));
    CHECK(std::fabs(head.squaredNorm() / count - variance) <=
          test::kSigmas * variance * std::sqrt(2.0 / count));
    for (const int threads : {1, 8}) {
        const test::Threads scope(threads);
        CHECK(test::same_bits(gaussian_head(V, d, 3.0, test::seed()), head));
        const RowMatrix part = gaussian_head(10, d, 3.0, test::seed());
        CHECK(test::same_bits(part, head.topRows(10).eval()));
    }
}
