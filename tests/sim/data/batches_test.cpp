#include "sim/data/batches.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::kSigmas;

namespace {

/// sum (count - mean)^2 / mean over equally likely cells, in standard deviations of chi^2.
double chi_square_sigmas(const std::vector<double>& counts) {
    double total = 0.0, statistic = 0.0;
    for (const double c : counts) total += c;
    const double cells = double(counts.size()), mean = total / cells;
    for (const double c : counts) statistic += (c - mean) * (c - mean) / mean;
    return std::fabs(statistic - (cells - 1.0)) / std::sqrt(2.0 * (cells - 1.0));
}

bool in_range(const std::vector<Index>& rows, Index n) {
    return std::all_of(rows.begin(), rows.end(), [n](Index i) { return i >= 0 && i < n; });
}

}  // namespace

TEST_CASE("epoch: every row exactly once an epoch, the last batch smaller, order fresh each time") {
    for (const Index n : {1, 7, 31, 33})
        for (const Index batch : {Index{1}, std::min<Index>(n, 5), n}) {
            BatchSampler sampler(n, batch, Sampling::kEpoch, test::seed());
            std::vector<std::vector<Index>> epochs;
            for (int e = 0; e < 4; ++e) {
                std::vector<Index> seen;
                while (static_cast<Index>(seen.size()) < n) {
                    const auto& rows = sampler.next();
                    const Index left = n - static_cast<Index>(seen.size());
                    CHECK(static_cast<Index>(rows.size()) == std::min(batch, left));
                    seen.insert(seen.end(), rows.begin(), rows.end());
                }
                epochs.push_back(seen);
                std::sort(seen.begin(), seen.end());
                for (Index i = 0; i < n; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
            }
            if (n > 20) CHECK(epochs[0] != epochs[1]);
        }
}

TEST_CASE("epoch: every row is equally likely at every position") {
    const Index n = 6;
    BatchSampler sampler(n, n, Sampling::kEpoch, test::seed());
    std::vector<double> counts(36, 0.0);
    for (int e = 0; e < 12000; ++e) {
        const auto& rows = sampler.next();
        for (std::size_t k = 0; k < 6; ++k) ++counts[6 * k + static_cast<std::size_t>(rows[k])];
    }
    for (std::size_t k = 0; k < 6; ++k)
        CHECK(chi_square_sigmas({counts.begin() + 6 * long(k), counts.begin() + 6 * long(k + 1)}) <=
              kSigmas);
}

TEST_CASE("fresh: no repeats within a batch, every row in a share batch / n of them") {
    const Index n = 20, batch = 6;
    const int draws = 20000;
    BatchSampler sampler(n, batch, Sampling::kFresh, test::seed());
    std::vector<double> counts(20, 0.0);
    bool distinct = true;
    for (int k = 0; k < draws; ++k) {
        const auto& rows = sampler.next();
        distinct = distinct && rows.size() == 6 && in_range(rows, n) &&
                   std::set<Index>(rows.begin(), rows.end()).size() == 6;
        for (const Index i : rows) ++counts[static_cast<std::size_t>(i)];
    }
    CHECK(distinct);
    const double p = 0.3, spread = std::sqrt(p * (1.0 - p) * draws);
    for (const double c : counts) CHECK(std::fabs(c - p * draws) <= kSigmas * spread);
}

TEST_CASE("replacement: rows are independent and uniform") {
    const Index n = 20;
    BatchSampler sampler(n, 50, Sampling::kReplacement, test::seed());
    std::vector<double> counts(20, 0.0), pairs(400, 0.0);
    for (int k = 0; k < 4000; ++k) {
        const auto& rows = sampler.next();
        REQUIRE(in_range(rows, n));
        for (const Index i : rows) ++counts[static_cast<std::size_t>(i)];
        for (std::size_t b = 0; b + 1 < rows.size(); b += 2)
            ++pairs[static_cast<std::size_t>(20 * rows[b] + rows[b + 1])];
    }
    CHECK(chi_square_sigmas(counts) <= kSigmas);
    CHECK(chi_square_sigmas(pairs) <= kSigmas);
}

TEST_CASE("the same seed gives the same batches, another one others") {
    for (std::size_t mode = 0; mode < sampling_names().size(); ++mode) {
        const auto sampling = static_cast<Sampling>(mode);
        BatchSampler a(31, 7, sampling, 1), b(31, 7, sampling, 1), c(31, 7, sampling, 2);
        bool differs = false;
        for (int k = 0; k < 20; ++k) {
            const auto rows = a.next();
            CHECK(rows == b.next());
            differs = differs || rows != c.next();
        }
        CHECK(differs);
    }
}
