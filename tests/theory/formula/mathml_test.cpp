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
        const std::string text = mathml_of(claim);
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

TEST_CASE("statements in words keep their words, and formulas between them are drawn") {
    CHECK(
        mathml_of(std::string("the loss falls while x_i <= 2, and < rises.")) ==
        "the loss falls while <math><mrow><msub><mi>x</mi><mi>i</mi></msub><mspace "
        "width=\"0.25em\"/><mo>\u2264</mo><mspace width=\"0.25em\"/><mn>2</mn></mrow></math>, and "
        "<math><mrow><mo>&lt;</mo></mrow></math> rises.");
    const std::string t10 = mathml_of(select_claims("T10a").front());
    CHECK(t10.starts_with("the minimiser of the population DPO loss is <math>"));
    CHECK(test::contains(t10, "<msub><mi>\u03c0</mi><mi>ref</mi></msub>"));
    for (const Claim& claim : claims()) {
        if (claim.formula) continue;
        // Nothing of ASCII notation is left between the formulas.
        const std::string words =
            std::regex_replace(mathml_of(claim), std::regex("<math>.*?</math>"), "");
        CHECK_MESSAGE(words.find_first_of("_^=") == std::string::npos, claim.id, ": ", words);
    }
}
