// How a checkpoint becomes blocks of numbers.
#include "sim/lm/model/parameters.hpp"

#include <doctest/doctest.h>

#include "tests/support/transformer_support.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;
using namespace prefdyn::test;

TEST_CASE("a checkpoint as blocks, tied, untied and cut loose") {
    for (const bool tied : {true, false}) {
        SmallModel m;
        m.tied = tied;
        m.qkv_bias = m.output_bias = m.mlp_bias = true;
        m.more = ", \"attention_bias\": true, \"mlp_bias\": true";
        const Weights weights = random_weights(m, 3);
        const TemporaryDirectory folder;
        write_checkpoint(folder / "m", m, weights, "BF16");
        const Checkpoint checkpoint(folder / "m");
        for (const bool own : {false, true}) {
            const Layout layout(checkpoint.config(), own);
            CHECK(layout.tied() == (tied && !own));
            const auto values = read_parameters<double>(checkpoint, layout);
            CHECK(layout.count() == Index(weights.size()) + (tied && own ? 1 : 0));
            for (int b = 0; b < layout.count(); ++b) {
                const Block& block = layout.block(b);
                CAPTURE(block.name);
                CHECK(layout.find(block.name) == b);
                const bool copied = tied && block.name == "lm_head.weight";
                const Weight& want = weights.at(copied ? "model.embed_tokens.weight" : block.name);
                CHECK(block.size() == Index(want.value.size()));
                CHECK(std::equal(want.value.begin(), want.value.end(), values.matrix(b).data()));
            }
        }
    }
}

TEST_CASE("parameters hold some blocks or all, zero at first") {
    SmallModel m;
    const TemporaryDirectory folder;
    write_checkpoint(folder / "m", m, random_weights(m, 4));
    const Checkpoint checkpoint(folder / "m");
    const Layout layout(checkpoint.config());
    std::vector<bool> chosen(static_cast<std::size_t>(layout.count()), false);
    const int query = layout.part(1, Part::kQuery);
    chosen[static_cast<std::size_t>(query)] = true;
    const Parameters<float> some(layout, chosen);
    CHECK(some.values().size() == m.hidden * m.heads * m.head_size);
    CHECK((some.values().array() == 0.0f).all());
    CHECK(some.has(query));
    CHECK_FALSE(some.has(layout.head()));
    CHECK_FALSE(some.has(layout.part(0, Part::kQueryBias)));
    CHECK(Parameters<float>(layout).values().size() == checkpoint.config().parameters());
}
