#include "experiments/studies/answers/answers_study.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

using theory::AnswerFacts;
using theory::Claim;
using theory::Status;

const Claim& named(const std::string& id) {
    static const auto all = theory::claims();
    return *std::ranges::find(all, id, &Claim::id);
}

theory::Verdict verdict(const std::string& id, const AnswerFacts& facts) {
    return judge_case(named(id), theory::AnswerCase(&facts));
}

}  // namespace

TEST_CASE("Theorems 4, 5, 6 and 8 hold in random states; 5 as printed does not") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        const Index d = 2 + static_cast<Index>(seed % 7), V = 3 + static_cast<Index>(seed % 11);
        const AnswerFacts one = measure_answers(draw_answers({V, d, 1, 1, 0.0}, seed), 0.5, seed);
        CHECK(verdict("T17a", one).status == Status::kHolds);
        CHECK(verdict("T17b", one).status == Status::kHolds);
        CHECK(verdict("T17c", one).status == Status::kHolds);
        const AnswerFacts long_answer =
            measure_answers(draw_answers({V, d, 4, 1, 0.5}, seed), 0.5, seed);
        CHECK(verdict("T17c", long_answer).status == Status::kHolds);
        CHECK(contains(verdict("T17a", long_answer).reason, "one token"));
        const AnswerFacts many = measure_answers(draw_answers({V, d, 1, 5, 0.0}, seed), 0.5, seed);
        CHECK(verdict("T17d", many).status == Status::kHolds);
        CHECK(contains(verdict("T17c", many).reason, "one pair"));
        AnswerFacts printed = one;
        printed.loss_slope = printed.loss;
        CHECK(verdict("T17b", printed).status == Status::kViolated);
    }
}

TEST_CASE("answers with the same first token are not what Theorem 6 speaks of") {
    DrawnAnswers drawn = draw_answers({6, 3, 3, 1, 0.0}, 9);
    drawn.pairs[0].rejected.token[0] = drawn.pairs[0].chosen.token[0];
    CHECK(contains(verdict("T17c", measure_answers(drawn, 0.5, 9)).reason, "first tokens differ"));
}

TEST_CASE("CHES is Theorem 6 with every alpha 1, and 0 for one token") {
    const DrawnAnswers one = draw_answers({6, 3, 1, 1, 0.0}, 3);
    CHECK(std::fabs(theory::ches_score(one.state, one.pairs[0])) <= 1e-14);
    const DrawnAnswers drawn = draw_answers({6, 3, 4, 1, 0.0}, 3);
    const AnswerPair& pair = drawn.pairs[0];
    double want = 0.0;
    for (const Index k : pair.chosen.context) {
        for (const Index j : pair.rejected.context)
            want += drawn.state.context.row(k).dot(drawn.state.context.row(j));
        for (const Index j : pair.chosen.context)
            want -= drawn.state.context.row(k).dot(drawn.state.context.row(j));
    }
    CHECK(std::fabs(theory::ches_score(drawn.state, pair) - want) <= 1e-13);
}

TEST_CASE("CHES ranks long answers that share tokens, and hardly any others") {
    const StudyOutcome out =
        answers_study().run(theory::select_claims("T17"), {Profile::kQuick, 2, 100, 0.01});
    const auto field = [&](const std::string& name) {
        for (const auto& [field, values] : out.values)
            if (field == name) return std::get<std::vector<double>>(values);
        throw std::runtime_error(name);
    };
    const auto low = field("answers_ches_low"), high = field("answers_ches_high");
    REQUIRE(low.size() == 2 * 3 * 3);  // [trained][2, 5, 20 tokens][0, 0.5, 0.9 shared]
    for (const std::size_t trained : {0, 1}) {
        CHECK(low[trained * 9 + 8] > 0.5);
        CHECK(high[trained * 9 + 6] < 0.35);
        CHECK(low[trained * 9 + 8] > high[trained * 9 + 6]);
    }
    for (const CaseRow& row : out.cases)
        CHECK_MESSAGE(row.verdict.status != Status::kViolated, row.claim << " " << row.setting);
}

TEST_CASE("negative controls of T17 are caught") {
    for (const Control& control : answers_study().controls)
        CHECK_MESSAGE(control.run(named(control.claim), 23).status == Status::kViolated,
                      control.claim << " " << control.name);
}

}  // namespace prefdyn::test
