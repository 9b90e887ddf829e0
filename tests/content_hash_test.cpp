#include "sim/content_hash.hpp"

#include <doctest/doctest.h>

#include "sim/dataset.hpp"
#include "tests/support.hpp"

using namespace prefdyn;

TEST_CASE("hashes are those of Python's uuid.uuid5 in uuid.NAMESPACE_OID") {
    CHECK(content_hash("") == "0a68eb57-c88a-5f34-9e9d-27f85e68af4f");
    CHECK(content_hash("preference") == "537f80c9-b563-586d-b0ea-24bd24207731");
    CHECK(content_hash("chosen", "rejected") == "9f9f646d-7d1c-5b7f-973b-b7d9859e3693");
}

TEST_CASE("a dataset's checksum is of its doubles, then of its labels") {
    Dataset data;
    data.features.resize(2, 2);
    data.features << 1.0, 2.0, 3.0, -0.5;
    data.label = {1, -1};
    CHECK(checksum(data) == "de03bbcd-21ca-556c-a3e2-62a9a3326052");
}
