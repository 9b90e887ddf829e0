#include "sim/data/split.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

/// `plus` rows of class +1 among n, row i holds i.
Dataset numbered(Index n, Index plus) {
    Dataset out;
    out.name = "numbered";
    out.features.resize(n, 1);
    for (Index i = 0; i < n; ++i) {
        out.features(i, 0) = static_cast<double>(i);
        out.label.push_back(i < plus ? 1 : -1);
    }
    return out;
}

Index count_plus(const Dataset& data, const std::vector<Index>& rows) {
    return select(data, rows).count(+1);
}

}  // namespace

TEST_CASE("every row is on one side, and the training side has floor((1 - share) n)") {
    const Dataset data = numbered(1000, 500);
    for (const auto kind : {SplitKind::kRandom, SplitKind::kStratified})
        for (const double share : {0.1, 0.25, 0.3, 0.7}) {
            const SplitRows rows = split_rows(data, share, kind, test::seed(), 3);
            CHECK(std::is_sorted(rows.train.begin(), rows.train.end()));
            std::vector<Index> all = rows.train;
            all.insert(all.end(), rows.held_out.begin(), rows.held_out.end());
            std::sort(all.begin(), all.end());
            REQUIRE(all.size() == 1000);
            for (Index i = 0; i < 1000; ++i) CHECK(all[static_cast<std::size_t>(i)] == i);
            CHECK(static_cast<double>(rows.train.size()) == std::round((1.0 - share) * 1000.0));
        }
}

TEST_CASE("stratified keeps the share of either class, random does not") {
    const Dataset data = numbered(1000, 300);
    bool unequal = false;
    for (std::uint64_t index = 0; index < 20; ++index) {
        const auto fair = split_rows(data, 0.1, SplitKind::kStratified, test::seed(), index);
        CHECK(count_plus(data, fair.train) == 270);
        CHECK(count_plus(data, fair.held_out) == 30);
        const auto any = split_rows(data, 0.1, SplitKind::kRandom, test::seed(), index);
        unequal = unequal || count_plus(data, any.held_out) != 30;
    }
    CHECK(unequal);
}

TEST_CASE("which rows are held out is uniform, and a function of seed and index") {
    const Dataset data = numbered(50, 25);
    std::vector<int> count(50, 0);
    constexpr int kSplits = 4000;
    for (std::uint64_t index = 0; index < kSplits; ++index)
        for (const Index i :
             split_rows(data, 0.2, SplitKind::kStratified, test::seed(), index).held_out)
            ++count[static_cast<std::size_t>(i)];
    const double sigma = std::sqrt(0.2 * 0.8 * kSplits);
    for (const int c : count) CHECK(std::fabs(c - 0.2 * kSplits) <= test::kSigmas * sigma);
    const auto rows = [&](std::uint64_t seed, std::uint64_t index) {
        return split_rows(data, 0.2, SplitKind::kRandom, seed, index).held_out;
    };
    CHECK(rows(1, 5) == rows(1, 5));
    CHECK(rows(1, 5) != rows(1, 6));
    CHECK(rows(1, 5) != rows(2, 5));
}

TEST_CASE("a side without a class is refused, nothing held out is not") {
    const Dataset data = numbered(10, 1);
    CHECK(test::contains(
        test::input_error([&] { split_rows(data, 0.5, SplitKind::kStratified, 1, 0); }),
        "the training rows, 4 in all, have one class only"));
    CHECK(test::contains(
        test::input_error([&] { split_rows(numbered(20, 10), 0.05, SplitKind::kRandom, 1, 0); }),
        "numbered: the held-out rows, 1 in all"));
    const auto all = split_rows(data, 0.0, SplitKind::kRandom, 1, 0);
    CHECK(all.train.size() == 10);
    CHECK(all.held_out.empty());
}

TEST_CASE("selected rows keep features, label, class and behaviour together") {
    Dataset data = numbered(6, 3);
    data.category = {1, 1, -1, 1, -1, -1};
    data.behaviour = {0, 1, 0, 1, 0, 1};
    const Dataset part = select(data, {4, 1});
    CHECK(part.name == "numbered");
    CHECK(part.features(0, 0) == 4.0);
    CHECK(part.features(1, 0) == 1.0);
    CHECK(part.label == std::vector<std::int8_t>{-1, 1});
    CHECK(part.category == std::vector<std::int8_t>{-1, 1});
    CHECK(part.behaviour == std::vector<int>{0, 1});
    CHECK(select(data, {}).samples() == 0);
}
