#include "sim/base/complaints.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;

TEST_CASE("complaints are said together, in the order they came") {
    Complaints wrong("; ");
    wrong.unless(true, "fine");
    CHECK(wrong.none());
    wrong.raise("nothing to mend");
    wrong.unless(false, "one");
    wrong.unless(false, "two");
    CHECK_FALSE(wrong.none());
    CHECK(test::input_error([&] { wrong.raise("mend both", "thing: "); }) == "thing: one; two");
}
