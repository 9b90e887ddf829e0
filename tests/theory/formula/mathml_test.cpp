#include "theory/formula/mathml.hpp"

#include <doctest/doctest.h>

#include <regex>

#include "tests/support/support.hpp"
#include "theory/registry.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;

namespace {

std::string drawn(const std::string& id) { return mathml_of(*select_claims(id).front().formula); }

}  // namespace

TEST_CASE("formulas are drawn: fractions, roots, scripts, words apart") {
    CHECK(test::contains(drawn("T3c"), "<mfrac>"));
    CHECK(test::contains(drawn("T2b"), "<msqrt>"));
    CHECK(test::contains(drawn("T13b"), "<mi>sin</mi><mspace width=\"0.25em\"/><mi>angle</mi>"));
    // e^(...) has all of its exponent above.
    CHECK(std::regex_search(drawn("T3f"),
                            std::regex("<msup><mi>e</mi><mrow>.*<mi>L</mi></mrow></msup>")));
    CHECK(test::contains(drawn("T3a"), "<mtext>for</mtext><mspace width=\"0.25em\"/>"));
}

TEST_CASE("every tag is closed, and of presentation MathML") {
    const std::regex tag("<(/?)([a-z]+)( width=\"[0-9.]+em\"/)?>");
    for (const Claim& claim : claims()) {
        if (!claim.formula) continue;
        const std::string text = mathml_of(*claim.formula);
        std::vector<std::string> open;
        for (auto at = std::sregex_iterator(text.begin(), text.end(), tag);
             at != std::sregex_iterator(); ++at) {
            const std::string name = (*at)[2];
            if ((*at)[1].length() > 0) {
                REQUIRE(!open.empty());
                CHECK(open.back() == name);
                open.pop_back();
            } else if (name != "mspace") {
                open.push_back(name);
            }
        }
        CHECK_MESSAGE(open.empty(), claim.id);
        CHECK(std::regex_replace(text, tag, "").find('<') == std::string::npos);
    }
}
