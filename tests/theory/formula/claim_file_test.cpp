#include "theory/formula/claim_file.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"
#include "theory/formula/formula_claim.hpp"

using namespace prefdyn;
using namespace prefdyn::theory;

namespace {

const std::string kThree = R"(# mine.claim
[X1]
title   = mean margin, upper bound
source  = own note, 2026-12
needs   = loss sigmoid; from reference
claim   = mean(m) <= 2 * R0 * head_change
[X2]
title   = few answers are ranked wrongly
needs   = full gradient 2; convex
claim   = share(m > 0) >= 1 - loss / log(2)
[X3]
needs   = full gradient 1; kappa * t < 2; p_plus == 0.5
claim   = abs(m - t * dm0) <= beta * kappa * t^2 * norm_z * norm_dv0      # for every sample
)";

std::string complaint(const std::string& text) {
    return test::input_error([&] { parse_claims(text, "mine.claim"); });
}

std::string of_claim(const std::string& line) { return complaint("[X1]\nclaim = " + line + "\n"); }

}  // namespace

TEST_CASE("three claims are read, with what they assume") {
    const ClaimFile file = parse_claims(kThree, "mine.claim");
    REQUIRE(file.claims.size() == 3);
    CHECK(file.warnings.empty());
    CHECK(file.claims[0].id == "X1");
    CHECK(file.claims[0].title == "mean margin, upper bound");
    CHECK(file.claims[0].source == "own note, 2026-12");
    CHECK(file.claims[0].statement == "mean(m_i(t)) <= 2 R(0) ||Delta W(t)||_F");
    CHECK(file.claims[0].keep.margins);
    CHECK_FALSE(file.claims[0].formula->about_path);
    CHECK(file.claims[1].formula->about_path);
    CHECK(file.claims[2].formula->eta_kappa == 1.0);
    CHECK(file.claims[2].formula->conditions.size() == 1);
    CHECK(file.claims[2].source == "mine.claim:11");
    CHECK(file.claims[2].formula->statements[0].text ==
          "where kappa * t < 2: abs(m - t * dm0) <= beta * kappa * t^2 * norm_z * norm_dv0");
}

TEST_CASE("the canonical text means the same claims") {
    const ClaimFile once = parse_claims(kThree, "mine.claim");
    CHECK(parse_claims(once.canonical, "again").canonical == once.canonical);
}

TEST_CASE("where a claim is made may be said with commas or with colons") {
    const auto text = [](const std::string& line) {
        return parse_claims("[X1]\nclaim = " + line + "\n", "x").claims[0].formula->canonical();
    };
    CHECK(text("after t > 0: where label > 0: m <= 1") ==
          text("after t > 0, where label > 0: m <= 1"));
    CHECK(test::contains(of_claim("after t > 0: there: m <= 1"), "'there' does not say where"));
}

TEST_CASE("what can fail somewhere is not refused for holding on a few draws") {
    for (const char* claim :
         {"share(m > 3) <= 0.1", "share(norm_z > 3) <= 0.01", "max(t - 100, 0) <= 0.5",
          "share(m <= mean(m) - 1.5 * sqrt(mean(m^2) - mean(m)^2)) <= 0.001",
          "quantile(m, 0.4) == min(m)", "min(n, 1000) == n", "max(margin - 3, 0) <= 0",
          "after t > 10: loss <= 1 / log(t - 9)", "where n > 100: loss <= 1 / sqrt(n - 100)",
          "sqrt(loss - 10) <= 1"})
        CHECK_NOTHROW_MESSAGE(parse_claims(std::string("[X1]\nclaim = ") + claim + "\n", "x"),
                              claim);
    for (const char* claim : {"mean(m) <= mean(m)", "norm_dv0 == R0 / sqrt(2)", "loss <= loss + 1",
                              "accuracy <= 1", "2 * (loss + t) == 2 * loss + 2 * t", "1 <= 2"})
        CHECK_MESSAGE(test::contains(of_claim(claim), "can never fail"), claim);
    CHECK(test::contains(of_claim("for s <= t: (t - s) * rate <= 1"), "write t(s)"));
    const std::string behaviours =
        complaint("[X1]\nexperiment = priority\ncontrol = stronger\nclaim = M <= P\n");
    CHECK_MESSAGE(test::contains(behaviours, "planted in runs of one behaviour"), behaviours);
}

TEST_CASE("every mistake is told with file, line and column") {
    const std::pair<const char*, const char*> kClaims[] = {
        {"los <= 1", "mine.claim:2:9: unknown name los; did you mean loss?"},
        {"mean(loss) <= 1", "mine.claim:2:9: mean is taken over samples"},
        {"loss <= m > 0", "2:19: a claim is made with <=, >= or =="},
        {"loss + (m > 0) <= 1", "2:19: a comparison where a number is wanted"},
        {"share(m) >= 1", "2:15: a number where a comparison is wanted"},
        {"loss", "2:9: a claim is a relation"},
        {"loss < 1", "a claim is made with <=, >= or =="},
        {"after m > 0: loss <= 1",
         "2:17: after is one number a record, and m > 0 is one a sample; say mean"},
        {"rate(s) <= rate", "'s' in rate(s) is not known here; begin the claim with `for s <= t:`"},
        {"for s <= t: R0(s) <= rate", "R0 is the same at every record"},
        {"at dawn: loss <= 1", "2:9: 'at dawn' does not say where the claim is made"},
        {"loss <= loss", "the claim can never fail: both sides are the same quantity"},
        {"2 * R0 - R0 <= R0", "both sides are the same quantity"},
        {"norm_dv0 * sqrt(2) == R0", "both sides are the same quantity"},
        {"loss <= loss + 1", "the claim can never fail"},
        {"accuracy <= 1", "the claim can never fail: accuracy is never above 1"},
        {"0 <= head_change", "the claim can never fail"},
        {"P <= 1", "P is a behaviour's; give the claim experiment = priority"},
        {"for j: loss <= 1", "`for j` is of behaviours"},
        {"quantile(m, 2) <= 1", "the level of quantile is a number from 0 to 1"},
        {"exp(loss, 1) <= 1", "exp takes 1 argument, not 2"},
        {"0 <= loss <= 1 <= 2", "a chain is a <= b <= c"},
        {"0 <= loss >= 1", "a chain is a <= b <= c"},
        {"share(m > 0", "a ')' is missing"},
    };
    for (const auto& [line, want] : kClaims)
        CHECK_MESSAGE(of_claim(line).find(want) != std::string::npos, line, " gives ",
                      of_claim(line));
    const std::pair<const char*, const char*> kFiles[] = {
        {"claim = loss <= 1\n", "mine.claim:1:1: claim stands before the first claim"},
        {"[X 1]\nclaim = loss <= 1\n", "1:1: '[X 1]' is no head of a claim"},
        {"[T2b]\nclaim = loss <= 1\n", "T2b is the id of a built-in claim"},
        {"[X]\nclaim = loss <= 1\n[X]\nclaim = loss <= 2\n", "X is claimed in line 1 already"},
        {"[X]\ntitel = a\n", "2:1: unknown key 'titel'; did you mean title?"},
        {"[X]\nclaim\n", "2:1: 'claim' is not of the form key = value"},
        {"[X]\nclaim =\n", "claim has no value"},
        {"[X]\ntitle = a\n", "1:1: X claims nothing"},
        {"", "there is no claim"},
        {"[X]\nneeds = convexx\nclaim = loss <= 1\n",
         "2:9: 'convexx' is no assumption; did you mean convex?"},
        {"[X]\nneeds = loss sigmoidd\nclaim = loss <= 1\n",
         "there is no loss sigmoidd; did you mean sigmoid?"},
        {"[X]\nneeds = full gradient 3\nclaim = loss <= 1\n", "a number above 0, at most 2"},
        {"[X]\nneeds = m > 0\nclaim = loss <= 1\n",
         "an assumption is one number a record, and m > 0 is one a sample"},
        {"[X]\nclaim = loss <= 1\nscale = m\n",
         "scale is one number a record, and m is one a sample"},
        {"[X]\ncontrol = stronge\nclaim = loss <= 1\n",
         "unknown control 'stronge'; did you mean stronger?"},
        {"[X]\nexperiment = prior\nclaim = loss <= 1\n", "known: run, priority"},
        {"[X]\ntitle = a\ntitle = b\nclaim = loss <= 1\n", "title is given in line 2 already"},
    };
    for (const auto& [text, want] : kFiles)
        CHECK_MESSAGE(complaint(text).find(want) != std::string::npos, text, " gives ",
                      complaint(text));
    // All at once.
    const std::string both = complaint("[X]\nclaim = los <= 1\n[Y]\nclaim = lss <= 1\n");
    CHECK(both.find(":2:9") != std::string::npos);
    CHECK(both.find(":4:9") != std::string::npos);
}

TEST_CASE("units that do not add up are a warning") {
    const auto warnings = [](const std::string& line) {
        return parse_claims("[X]\nclaim = " + line + "\n", "mine.claim").warnings;
    };
    REQUIRE(warnings("head_change <= t").size() == 1);
    CHECK(warnings("head_change <= t")[0] ==
          "mine.claim:2:21: units do not add up: head_change has 1/feature, t has 1/feature^2");
    CHECK(warnings("exp(-t) <= loss").size() == 1);
    CHECK(warnings("rate + loss <= R0").size() == 1);
    CHECK(warnings("min(rate, loss) <= R0").size() == 1);
    CHECK(warnings("head_change <= t * R0").empty());
    CHECK(warnings("rate^2 <= kappa * loss").empty());
    CHECK(warnings("sqrt(kappa) * head_change <= 1").empty());
    CHECK(warnings("loss >= 0").empty());
}

TEST_CASE("hostile files: depth, length, bytes") {
    CHECK_FALSE(of_claim(std::string(5000, 'x') + " <= 1").empty());
    CHECK_FALSE(of_claim(std::string(200, '(') + "loss" + std::string(200, ')') + " <= 1").empty());
    CHECK_FALSE(complaint(std::string("[X]\nclaim = loss <= \0 1\n", 22)).empty());
    CHECK_FALSE(complaint("\xff\xfe[X]\n").empty());
    CHECK(complaint("\xef\xbb\xbf[X]\r\nclaim = loss <= 1\r\n").empty());
}
