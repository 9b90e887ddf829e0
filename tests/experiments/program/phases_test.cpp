#include "experiments/program/phases.hpp"

#include <doctest/doctest.h>

#include "experiments/program/progress.hpp"

namespace prefdyn::test {

TEST_CASE("the share of everything grows over the phases, whatever their order, up to 1") {
    Phases all({{"short", 1.0}, {"long", 3.0}});
    CHECK(Phases::current() == &all);
    CHECK(*all.share("short", 0.0) == 0.0);
    CHECK(*all.share("short", 0.5) == doctest::Approx(0.125));
    CHECK(*all.share("long", 1.0) == doctest::Approx(0.75));
    all.finish("short");
    CHECK(*all.share("short", 0.0) == doctest::Approx(0.25));  // a second one of its label
    CHECK(*all.share("long", 0.0) == doctest::Approx(0.25));
    CHECK(*all.share("long", 1.0) == doctest::Approx(1.0));
    CHECK_FALSE(all.share("other", 0.5).has_value());
}

TEST_CASE("a Progress that ends ends its phase; without phases there are none") {
    {
        Phases all({{"a", 1.0}, {"b", 1.0}});
        { const Progress one("a", 3); }
        CHECK(*all.share("b", 0.0) == doctest::Approx(0.5));
        CHECK(all.seconds_left(1.0) == 0.0);
    }
    CHECK(Phases::current() == nullptr);
}

}  // namespace prefdyn::test
