#include "theory/registry.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "tests/support/support.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;
using test::contains;

namespace {

std::string ids(const std::string& selection) {
    std::string out;
    for (const Claim& claim : select_claims(selection)) out += (out.empty() ? "" : " ") + claim.id;
    return out;
}

/// Ids of the registry that begin so, in its order.
std::string with_prefix(const std::string& prefix) {
    std::string out;
    for (const Claim& claim : claims())
        if (claim.id.starts_with(prefix)) out += (out.empty() ? "" : " ") + claim.id;
    return out;
}

}  // namespace

TEST_CASE("ids are unique; every claim says what it says, where from, and what it needs") {
    std::set<std::string> seen;
    for (const Claim& claim : claims()) {
        CAPTURE(claim.id);
        CHECK(seen.insert(claim.id).second);
        CHECK(std::ranges::all_of(claim.id, [](unsigned char c) { return std::isalnum(c); }));
        CHECK_FALSE(claim.title.empty());
        CHECK_FALSE(claim.statement.empty());
        CHECK_FALSE(claim.source.empty());
        CHECK(claim.origin.paper.empty() == claim.origin.reference.empty());
        CHECK(claim.origin.paper.empty() == claim.origin.relation.empty());
        CHECK_FALSE(claim.assumptions.empty());
        CHECK(static_cast<bool>(claim.compare));
        for (const Assumption& assumption : claim.assumptions) {
            CHECK_FALSE(assumption.text.empty());
            CHECK(static_cast<bool>(assumption.unmet));
        }
    }
    CHECK(seen.size() >= 12);
}

TEST_CASE("an origin is one line: own, or paper, number and what of it is claimed") {
    CHECK(origin_text({}) == "own");
    CHECK(origin_text({"A & B, Title", "arXiv 1", "", "its form"}) ==
          "A & B, Title (arXiv 1): its form");
    CHECK(contains(origin_text(select_claims("T5p").front().origin),
                   "arXiv 2403.18742, ICML 2024), Theorem 4.1: our version"));
}

TEST_CASE("claims are selected by prefix, in the order of the registry") {
    CHECK(select_claims("").size() == claims().size());
    CHECK(ids("T6") == with_prefix("T6"));
    CHECK(!contains(ids("T2"), "T20"));  // numbers are whole
    CHECK(contains(ids("T2"), "T2a T2b"));
    CHECK(ids("T4b") == "T4b");
    CHECK(ids("T4b,T1") == "T1 T4b");  // T1 is an id, so T11 is not meant
    CHECK(ids("T11") == "T11");
    CHECK(ids("T2,T2a") == ids("T2"));
    CHECK(ids("t4B") == "T4b");
    CHECK(ids("t1") == "T1");
    CHECK(ids("t2") == ids("T2"));
}

TEST_CASE("a selection that matches nothing is refused by name, with what is known") {
    for (const std::string bad : {"T99", "tt1", "T2?", " T1"}) {
        const std::string message = test::input_error([&] { select_claims("T1," + bad); });
        CHECK(contains(message, "'" + bad + "'"));
        CHECK(message.size() < 200);
    }
    CHECK_FALSE(test::input_error([] { select_claims("T1,,T2"); }).empty());
    try {
        select_claims("T99");
    } catch (const InputError& error) {
        for (const Claim& claim : claims()) CHECK(contains(error.hint(), claim.id));
    }
}
