#include "sim/base/stream.hpp"

#include <doctest/doctest.h>

#include <set>

#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

using Words = std::array<std::uint64_t, 4>;
__extension__ typedef unsigned __int128 Wide;

/// Philox4x64-10 written from Salmon et al. 2011: ten rounds, the key bumped between them.
Words plain_philox(Words c, std::array<std::uint64_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
        const Wide a = Wide{0xD2E7470EE14C6C93u} * c[0];
        const Wide b = Wide{0xCA5A826395121157u} * c[2];
        c = {static_cast<std::uint64_t>(b >> 64) ^ c[1] ^ key[0], static_cast<std::uint64_t>(b),
             static_cast<std::uint64_t>(a >> 64) ^ c[3] ^ key[1], static_cast<std::uint64_t>(a)};
        key[0] += 0x9E3779B97F4A7C15u;
        key[1] += 0xBB67AE8584CAA73Bu;
    }
    return c;
}

Words first_four(Stream stream) {
    Words out;
    for (auto& word : out) word = stream();
    return out;
}

}  // namespace

TEST_CASE("Philox4x64-10 gives Random123's published known answers") {
    constexpr std::uint64_t ones = ~std::uint64_t{0};
    CHECK(plain_philox({0, 0, 0, 0}, {0, 0}) == Words{0x16554d9eca36314cu, 0xdb20fe9d672d0fdcu,
                                                      0xd7e772cee186176bu, 0x7e68b68aec7ba23bu});
    CHECK(
        plain_philox({ones, ones, ones, ones}, {ones, ones}) ==
        Words{0x87b092c3013fe90bu, 0x438c3c67be8d0224u, 0x9cc7d7c69cd777b6u, 0xa09caebf594f0ba0u});
    CHECK(
        plain_philox(
            {0x243f6a8885a308d3u, 0x13198a2e03707344u, 0xa4093822299f31d0u, 0x082efa98ec4e6c89u},
            {0x452821e638d01377u, 0xbe5466cf34e90c6cu}) ==
        Words{0xa528f45403e61d95u, 0x38c72dbd566e9788u, 0xa5a1610e72fd18b5u, 0x57bd43b5e52b7fe6u});
}

TEST_CASE("a stream is Philox with key (seed, purpose) and counter (block, index, 0, 0)") {
    CHECK(first_four(Stream(0, Purpose{0}, 0)) == Words{0x16554d9eca36314cu, 0xdb20fe9d672d0fdcu,
                                                        0xd7e772cee186176bu, 0x7e68b68aec7ba23bu});
    for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{42}, ~std::uint64_t{0}})
        for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{7}, ~std::uint64_t{0}}) {
            Stream stream(seed, Purpose::kBatches, index);
            for (std::uint64_t block = 0; block < 3; ++block)
                for (const std::uint64_t want : plain_philox({block, index, 0, 0}, {seed, 8}))
                    CHECK(stream() == want);
        }
}

TEST_CASE("the numbers of the purposes are part of the file format") {
    CHECK(static_cast<int>(Purpose::kFeatures) == 1);
    CHECK(static_cast<int>(Purpose::kHeldOutFeatures) == 2);
    CHECK(static_cast<int>(Purpose::kBasis) == 3);
    CHECK(static_cast<int>(Purpose::kDirection) == 4);
    CHECK(static_cast<int>(Purpose::kLabelNoise) == 5);
    CHECK(static_cast<int>(Purpose::kHeldOutLabelNoise) == 6);
    CHECK(static_cast<int>(Purpose::kReferenceHead) == 7);
    CHECK(static_cast<int>(Purpose::kBatches) == 8);
    CHECK(static_cast<int>(Purpose::kSplit) == 9);
    CHECK(static_cast<int>(Purpose::kSuite) == 10);
    CHECK(static_cast<int>(Purpose::kReplicate) == 11);
}

TEST_CASE("streams do not depend on how their calls are interleaved") {
    Stream a(1, Purpose::kFeatures, 0), b(1, Purpose::kFeatures, 1);
    std::vector<std::uint64_t> from_a, from_b;
    for (int k = 0; k < 20; ++k) {
        from_a.push_back(a());
        if (k % 3 == 0) from_b.push_back(b());
    }
    Stream a2(1, Purpose::kFeatures, 0), b2(1, Purpose::kFeatures, 1);
    for (const auto word : from_b) CHECK(b2() == word);
    for (const auto word : from_a) CHECK(a2() == word);
}

TEST_CASE("streams with different names differ in every word looked at") {
    std::set<std::uint64_t> words;
    std::size_t count = 0;
    for (std::uint64_t seed = 0; seed < 4; ++seed)
        for (std::uint64_t purpose = 1; purpose < 12; ++purpose)
            for (std::uint64_t index = 0; index < 4; ++index)
                for (const auto word : first_four(Stream(seed, Purpose{purpose}, index))) {
                    words.insert(word);
                    ++count;
                }
    CHECK(words.size() == count);
}

TEST_CASE("derive_seed is the first word of the stream") {
    CHECK(derive_seed(0, Purpose{0}, 0) == 0x16554d9eca36314cu);
    CHECK(derive_seed(5, Purpose::kReplicate, 3) == plain_philox({0, 3, 0, 0}, {5, 11})[0]);
    CHECK(derive_seed(5, Purpose::kReplicate, 3) != derive_seed(5, Purpose::kReplicate, 4));
    CHECK(derive_seed(5, Purpose::kReplicate, 3) != derive_seed(5, Purpose::kSuite, 3));
    CHECK(derive_seed(5, Purpose::kReplicate, 3) != derive_seed(6, Purpose::kReplicate, 3));
}
