#include "sim/data/dataset.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;

namespace {

Dataset good() { return test::gaussian_dataset(6, 3, 1); }

std::string rejected(const Dataset& data) {
    return input_error([&] { validate(data, "here.h5"); });
}

}  // namespace

TEST_CASE("a good dataset passes and is counted") {
    CHECK(rejected(good()).empty());
    CHECK(good().count(+1) == 4);
    CHECK(good().count(-1) == 2);
    CHECK(good().samples() == 6);
    CHECK(good().dimension() == 3);
}

TEST_CASE("features that are not finite are named with place, index and value") {
    for (const double bad : {kNan, kInfinity, -kInfinity}) {
        Dataset data = good();
        data.features(4, 2) = bad;
        CHECK(contains(rejected(data), "here.h5: features[4, 2] = "));
        CHECK(contains(rejected(data), std::to_string(bad)));
    }
}

TEST_CASE("labels other than +1 and -1, missing classes and wrong counts are rejected") {
    for (const int bad : {0, 2, -2}) {
        Dataset data = good();
        data.label[3] = static_cast<std::int8_t>(bad);
        CHECK(contains(rejected(data), "here.h5: label[3] = " + std::to_string(bad)));
    }
    Dataset one_class = good();
    for (auto& s : one_class.label) s = 1;
    CHECK(contains(rejected(one_class), "here.h5: no sample has label -1"));
    for (auto& s : one_class.label) s = -1;
    CHECK(contains(rejected(one_class), "here.h5: no sample has label +1"));
    Dataset short_labels = good();
    short_labels.label.pop_back();
    CHECK(contains(rejected(short_labels), "here.h5: 5 labels for 6 rows"));
    CHECK(contains(rejected(Dataset{}), "here.h5: features are 0 x 0"));
}

TEST_CASE("the checksum sees every feature and every label, and nothing else") {
    const std::string start = checksum(good());
    CHECK(start.size() == 36);
    Dataset renamed = good();
    renamed.name = "other";
    CHECK(checksum(renamed) == start);
    for (Index i = 0; i < 6; ++i) {
        Dataset data = good();
        data.features(i, i % 3) = std::nextafter(data.features(i, i % 3), 9.0);
        CHECK(checksum(data) != start);
        data = good();
        auto& s = data.label[static_cast<std::size_t>(i)];
        s = static_cast<std::int8_t>(-s);
        CHECK(checksum(data) != start);
    }
}
