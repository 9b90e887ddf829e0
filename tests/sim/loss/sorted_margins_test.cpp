// Margins matched by rank against sorting written out, and what makes the matching the right one.
#include "sim/loss/sorted_margins.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "sim/loss/loss.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

Vector column(Index n, std::uint64_t index) { return test::gaussian(n, 1, index); }

std::vector<double> sorted(const Vector& x) {
    std::vector<double> out(x.begin(), x.end());
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace

TEST_CASE("a batch by hand") {
    Vector margin(3), reference(3);
    margin << 3.0, -1.0, 0.5;    // beta = 0.5: x = (7, 3, 1)
    reference << 1.0, 5.0, 0.0;  // ranks of y: row 2, row 0, row 1
    Vector want(3);
    want << 0.5 * (7.0 - 5.0), 0.5 * (3.0 - 1.0), 0.5 * (1.0 - 0.0);
    CHECK((match_by_rank(margin, reference, 0.5) - want).norm() <= 1e-15);
}

TEST_CASE("matched margins are beta times the differences of the order statistics") {
    for (const Index n : {1, 31, 33, 1000}) {
        const Vector margin = column(n, 600), reference = column(n, 601);
        const double beta = 0.3;
        const Vector x = margin / beta + reference;
        const auto xs = sorted(x), ys = sorted(reference);
        const Vector got = match_by_rank(margin, reference, beta);
        for (Index i = 0; i < n; ++i) {
            const auto rank = static_cast<std::size_t>(
                std::count_if(x.begin(), x.end(), [&](double other) { return other < x(i); }));
            CHECK(std::fabs(got(i) - beta * (xs[rank] - ys[rank])) <= 1e-14);
        }
    }
}

TEST_CASE("zero margins stay exactly zero, equal references change nothing, ties keep their row") {
    const Vector reference = column(50, 610);
    CHECK((match_by_rank(Vector::Zero(50), reference, 0.1).array() == 0.0).all());
    const Vector margin = column(50, 611);
    CHECK(test::same_bits(match_by_rank(margin, Vector::Constant(50, 2.0), 0.1), margin));
    Vector tied(2), unequal(2), want(2);
    tied << -2.0, -4.0;  // beta = 1: x = (1, 1), y = (3, 5)
    unequal << 3.0, 5.0;
    CHECK(test::same_bits(match_by_rank(tied, unequal, 1.0), tied));
    unequal << 5.0, 3.0;
    tied << -4.0, -2.0;  // row 0 comes first and takes the smaller y
    want << -2.0, -4.0;
    CHECK(test::same_bits(match_by_rank(tied, unequal, 1.0), want));
}

TEST_CASE("of all matchings the one by rank has the least convex loss") {
    const auto loss = make_margin_loss({});
    const double beta = 0.7;
    const Vector margin = column(6, 620), reference = column(6, 621);
    const Vector x = margin / beta + reference;
    const auto total = [&](const Vector& margins) {
        double sum = 0.0;
        for (const double m : margins) sum += loss->value(m);
        return sum;
    };
    std::vector<Index> order = {0, 1, 2, 3, 4, 5};
    double least = kInfinity;
    do {
        Vector margins(6);
        for (Index i = 0; i < 6; ++i)
            margins(i) = beta * (x(i) - reference(order[static_cast<std::size_t>(i)]));
        least = std::min(least, total(margins));
    } while (std::next_permutation(order.begin(), order.end()));
    CHECK(test::relative_error(total(match_by_rank(margin, reference, beta)), least) <= 1e-14);
}

TEST_CASE("margins that are not finite come back as they are") {
    Vector margin(2);
    margin << 1.0, kNan;
    CHECK(test::same_bits(match_by_rank(margin, Vector::Zero(2), 0.1), margin));
}
