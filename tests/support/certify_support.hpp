#pragma once
// Certificates beside the claims in double precision.

#include <doctest/doctest.h>

#include "experiments/certify/exact/decide.hpp"
#include "experiments/certify/subject.hpp"
#include "tests/support/run_support.hpp"

namespace prefdyn::test {

/// The certificate of one claim.
template <class Subject>
certify::Certificate one(const Subject& s, const std::string& claim,
                         const certify::Limits& limits = {}) {
    return certify::certify(s, {test::claim_named(claim)}, limits).front();
}

/// Checks that a comparison's balls hold the exact numbers.
inline void held(const theory::Comparison& rough, const certify::ExactComparison& exact) {
    const double measured = exact.measured.value(), bound = exact.bound.value();
    CHECK(rough.relation == exact.relation);
    CHECK_MESSAGE(std::fabs(measured - rough.measured.value) <= rough.measured.radius,
                  rough.measured.value, " +- ", rough.measured.radius, " against ", measured);
    // Bounds carry no radius of their own here: their error is in the measured one.
    CHECK_MESSAGE(
        std::fabs(bound - rough.bound.value) <= rough.bound.radius + rough.measured.radius,
        rough.bound.value, " against ", bound);
}

}  // namespace prefdyn::test
