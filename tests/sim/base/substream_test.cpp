#include "sim/base/substream.hpp"

#include <doctest/doctest.h>

#include <set>

namespace prefdyn::test {

TEST_CASE("no two names share an index of a purpose, and each keeps its numbers") {
    CHECK(disjoint_stream_ranges());
    const auto at = [](Substream name) {
        const StreamRange& range = kStreamRanges[static_cast<std::size_t>(name)];
        CHECK(range.name == name);
        return std::pair(range.purpose, range.first);
    };
    CHECK(at(Substream::kSuiteRuns) == std::pair(Purpose::kSuite, std::uint64_t{0}));
    CHECK(at(Substream::kFreshAccuracy) == std::pair(Purpose::kSuite, std::uint64_t{3000000}));
    CHECK(at(Substream::kLosses) == std::pair(Purpose::kSuite, std::uint64_t{5000000}));
    CHECK(at(Substream::kNoiseFloor) == std::pair(Purpose::kSuite, std::uint64_t{8000000}));
    CHECK(at(Substream::kPriorityOrders) ==
          std::pair(Purpose::kBehaviours, std::uint64_t{1000000}));
    CHECK(at(Substream::kDesign) == std::pair(Purpose::kSweep, std::uint64_t{1} << 62));
}

TEST_CASE("the first seeds of all names differ") {
    std::set<std::uint64_t> seeds;
    std::size_t count = 0;
    for (const StreamRange& range : kStreamRanges)
        for (std::uint64_t k = 0; k < std::min<std::uint64_t>(range.count, 5); ++k, ++count)
            seeds.insert(derive_seed(7, range.name, k));
    CHECK(seeds.size() == count);
}

TEST_CASE("a seed of a name is that of its purpose, and an index beyond its range is refused") {
    CHECK(derive_seed(5, Substream::kLosses, 2) == derive_seed(5, Purpose::kSuite, 5000002));
    CHECK(stream_of(5, Substream::kCrossedRuns)() == Stream(5, Purpose::kSuite, 2000000)());
    CHECK_THROWS_AS(derive_seed(5, Substream::kCrossedRuns, 1), std::logic_error);
    CHECK_THROWS_AS(derive_seed(5, Substream::kCoverage, 100000), std::logic_error);
}

}  // namespace prefdyn::test
