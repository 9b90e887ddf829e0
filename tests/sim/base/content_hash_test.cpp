#include "sim/base/content_hash.hpp"

#include <doctest/doctest.h>

#include "sim/data/dataset.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;

// What `printf preference | xxhsum -H2` prints, with the six bits a UUID gives a meaning set; the
// first is the published digest of nothing, 99aa06d3014798d86001c324468d497f.
TEST_CASE("hashes are those of xxhsum -H2 as UUIDs of version 8") {
    CHECK(content_hash("") == "99aa06d3-0147-88d8-a001-c324468d497f");
    CHECK(content_hash("preference") == "d9a32700-b8c9-8ccf-9424-e72bb7156de9");
    std::string large(100003, '\0');  // many blocks and a rest
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7 % 251);
    CHECK(content_hash(large) == "0c6e5368-391d-85d3-b2a4-1d0ebc34d0b0");
}

TEST_CASE("a second text is hashed behind the first one's digest") {
    CHECK(content_hash("chosen", "rejected") == "a8af6747-6a61-8874-a783-01fb33195243");
    CHECK(content_hash("chosenr", "ejected") != content_hash("chosen", "rejected"));
    CHECK(content_hash("chosen", "") == content_hash("chosen"));
}

TEST_CASE("a dataset's checksum is of its doubles, then of its labels") {
    Dataset data;
    data.features.resize(2, 2);
    data.features << 1.0, 2.0, 3.0, -0.5;
    data.label = {1, -1};
    CHECK(checksum(data) == "1f7c13b5-92bb-889a-9f93-b7ba3c66538a");
}
