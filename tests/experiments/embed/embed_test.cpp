#include "experiments/embed/embed.hpp"

#include <doctest/doctest.h>

#include "sim/base/cancel.hpp"
#include "tests/support/embed_support.hpp"

using namespace prefdyn;
using transformer::TokenIds;
using transformer::Transformer;

namespace {

/// Two behaviours that share a prompt, 41 in all.
EmbedInput small_input() {
    EmbedInput input;
    for (int k = 0; k < 2; ++k) {
        EmbedBehaviour b;
        b.name = k == 0 ? "p" : "q";
        b.source = b.name + ".jsonl";
        for (int i = 0; i < 20 + k; ++i) {
            b.prompts.push_back(TokenIds(std::size_t(i % 7) + 1, std::int32_t(20 * k + i)));
            b.line.push_back(i + 1);
        }
        input.behaviours.push_back(b);
    }
    input.behaviours[1].prompts[3] = input.behaviours[0].prompts[5];
    return input;
}

EmbedPlan small_plan() {
    EmbedPlan plan;
    plan.model_hash = "m";
    plan.chunk_tokens = 12;
    return plan;
}

void check_rows(const Transformer& model, const EmbedInput& input, const EmbedPlan& plan,
                const RowStore& rows) {
    for (const auto& b : input.behaviours) {
        const auto want = model.embed(b.prompts, {plan.norm, {}});
        CHECK((features_of(b, plan, rows, model.config().hidden).array() == want.array()).all());
    }
}

/// The flag is down again whatever happens.
struct CancelGuard {
    ~CancelGuard() { cancel_flag = false; }
};

}  // namespace

TEST_CASE("every prompt gets its row, a repeated one is embedded once") {
    const test::EmbedFixture fixture;
    const Transformer model(fixture.dir / "model");
    const EmbedInput input = small_input();
    EmbedPlan plan = small_plan();
    RowStore rows(fixture.dir / "rows");
    const EmbedCount first = embed_missing(model, input, plan, rows);
    CHECK(first.prompts == 41);
    CHECK(first.distinct == 40);
    CHECK(first.done == 40);
    check_rows(model, input, plan, rows);
    CHECK(embed_missing(model, input, plan, rows).done == 0);
    plan.norm = transformer::FinalNorm::kDouble;
    CHECK(embed_missing(model, input, plan, rows).done == 40);
    check_rows(model, input, plan, rows);
    plan.model_hash = "other";
    CHECK(embed_missing(model, input, plan, rows).found == 0);
}

TEST_CASE("interrupted after some chunks, the next call embeds the others only") {
    const test::EmbedFixture fixture;
    const Transformer model(fixture.dir / "model");
    const EmbedInput input = small_input();
    EmbedPlan plan = small_plan();
    std::size_t kept = 0;
    {
        const CancelGuard guard;
        RowStore rows(fixture.dir / "rows");
        int chunks = 0;
        plan.after_chunk = [&] { cancel_flag = ++chunks == 3; };
        CHECK_THROWS_AS(embed_missing(model, input, plan, rows), Interrupted);
        CHECK(chunks == 3);
        kept = rows.size();
    }
    plan.after_chunk = {};
    CHECK(kept > 0);
    CHECK(kept < 40);
    RowStore rows(fixture.dir / "rows");
    const EmbedCount rest = embed_missing(model, input, plan, rows);
    CHECK(rest.found == kept);
    CHECK(rest.done == 40 - kept);
    check_rows(model, input, plan, rows);
}

TEST_CASE("a prompt beyond the context is refused by file and line, or cut at its front") {
    EmbedInput input = small_input();
    TokenIds& long_one = input.behaviours[1].prompts[4];
    long_one = {9, 1, 2, 3, 4, 5, 6, 7};
    CHECK(test::contains(test::input_error([&] { fit_context(input, 7, false, false); }),
                         "q.jsonl, q line 5: has 8 tokens, the model's context is 7"));
    fit_context(input, 7, true, true);
    CHECK(long_one == TokenIds{9, 2, 3, 4, 5, 6, 7});
    CHECK(input.behaviours[1].truncated == 1);
    CHECK(input.behaviours[0].truncated == 0);
    long_one.push_back(8);
    fit_context(input, 7, true, false);
    CHECK(long_one == TokenIds{2, 3, 4, 5, 6, 7, 8});
}
