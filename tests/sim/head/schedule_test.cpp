#include "sim/head/schedule.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

TEST_CASE("record_steps: strictly increasing from 0 to steps, never more than asked for") {
    for (const Index steps : {1, 2, 31, 33, 1000, 1000000})
        for (const Index records : {2, 3, 50, 1000})
            for (const Spacing spacing : {Spacing::kLinear, Spacing::kLogarithmic}) {
                CAPTURE(steps);
                CAPTURE(records);
                const auto at = record_steps(steps, records, spacing);
                CHECK(at.front() == 0);
                CHECK(at.back() == steps);
                CHECK(static_cast<Index>(at.size()) <= std::max<Index>(records, 2));
                for (std::size_t k = 1; k < at.size(); ++k) CHECK(at[k] > at[k - 1]);
            }
    CHECK(record_steps(0, 50, Spacing::kLinear) == std::vector<Index>{0});
}

TEST_CASE("record_steps: known schedules") {
    CHECK(record_steps(100, 5, Spacing::kLinear) == std::vector<Index>{0, 25, 50, 75, 100});
    CHECK(record_steps(4, 5, Spacing::kLinear) == std::vector<Index>{0, 1, 2, 3, 4});
    CHECK(record_steps(10000, 5, Spacing::kLogarithmic) ==
          std::vector<Index>{0, 10, 100, 1000, 10000});
    CHECK(record_steps(100, 101, Spacing::kLinear).size() == 101);
}

TEST_CASE("record_times: exactly `records` times from 0 to end") {
    for (const Index records : {2, 3, 50})
        for (const Spacing spacing : {Spacing::kLinear, Spacing::kLogarithmic}) {
            const auto at = record_times(7.5, records, spacing);
            CHECK(static_cast<Index>(at.size()) == records);
            CHECK(at.front() == 0.0);
            CHECK(at.back() == 7.5);
            for (std::size_t k = 1; k < at.size(); ++k) CHECK(at[k] > at[k - 1]);
        }
}

TEST_CASE("record_times: even steps or even ratios from 1e-4 of the end") {
    const auto linear = record_times(8.0, 5, Spacing::kLinear);
    for (std::size_t k = 0; k < 5; ++k) CHECK(relative_error(linear[k], 2.0 * double(k)) <= 1e-15);
    const auto log = record_times(8.0, 6, Spacing::kLogarithmic);
    for (std::size_t k = 1; k < 6; ++k)
        CHECK(relative_error(log[k], 8.0 * std::pow(10.0, double(k) - 5.0)) <= 1e-14);
}
