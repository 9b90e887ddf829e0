// The forward pass of every backend this machine has against its twin in double precision.
#include "sim/base/cancel.hpp"
#include "sim/lm/model/transformer.hpp"
#include "tests/support/cuda_support.hpp"
#include "tests/support/transformer_twin.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;
using test::SmallModel;

namespace {

struct Backend {
    std::string name;
    Arithmetic arithmetic;
    double tolerance;  ///< of ||row - twin|| / ||twin||
};

const std::vector<Backend> kCards = {
    {"cuda float32", {Device::kCuda, Precision::kFloat32}, 1e-5},
    {"cuda tf32", {Device::kCuda, Precision::kTf32}, 2e-3},
    {"cuda bfloat16", {Device::kCuda, Precision::kBfloat16}, 2e-2},
};

/// The processor, and the card where there is one.
std::vector<Backend> backends() {
    std::vector<Backend> out = {{"cpu", {Device::kCpu, Precision::kFloat32}, 1e-5}};
    if (test::card_for(static_cast<int>(kCards.size())))
        out.insert(out.end(), kCards.begin(), kCards.end());
    return out;
}

TokenIds make_prompt(Index length, Index vocabulary) {
    TokenIds ids;
    Stream stream(test::seed(), Purpose::kSuite, 7000 + static_cast<std::uint64_t>(length));
    for (Index i = 0; i < length; ++i)
        ids.push_back(static_cast<std::int32_t>(stream() % static_cast<std::uint64_t>(vocabulary)));
    return ids;
}

std::vector<TokenIds> make_prompts(const SmallModel& m) {
    std::vector<TokenIds> prompts;
    for (const Index length : {1, 2, 31, 33, 50, 129})
        prompts.push_back(make_prompt(length, m.vocabulary));
    return prompts;
}

/// A model on disk with what its twin says of the prompts, after so many final norms.
struct Case {
    test::TemporaryDirectory dir;
    SmallModel m;
    test::Weights weights;
    std::vector<TokenIds> prompts;
    std::vector<test::Row> want;
    int norms = 1;

    Case(SmallModel model, Index window, const std::string& dtype, int final_norms = 1)
        : m(std::move(model)), norms(final_norms) {
        m.context = 200;
        weights = test::random_weights(m, 3);
        test::write_checkpoint(dir / "m", m, weights, dtype);
        prompts = make_prompts(m);
        const test::Twin twin{
            m, weights,
            [h = m.head_size](Index c) { return std::pow(10000.0, -2.0 * double(c) / double(h)); },
            [window](Index) { return window; }};
        for (const TokenIds& ids : prompts) want.push_back(twin.embed(ids, norms));
    }

    EmbedOptions options(const Arithmetic& arithmetic) const {
        EmbedOptions out;
        out.norm = static_cast<FinalNorm>(norms);
        out.arithmetic = arithmetic;
        return out;
    }
    double worst(const RowsF& got) const {
        REQUIRE(got.rows() == static_cast<Index>(want.size()));
        double worst = 0.0;
        for (std::size_t i = 0; i < want.size(); ++i) {
            const Eigen::Map<const Eigen::RowVectorXd> row(want[i].data(), Index(want[i].size()));
            const double error = (got.row(Index(i)).cast<double>() - row).norm() / row.norm();
            if (!(error <= worst)) worst = error;
        }
        return worst;
    }
};

void check_case(const Case& t) {
    CAPTURE(t.m.config());
    const Transformer model(t.dir / "m");
    for (const Backend& backend : backends()) {
        CAPTURE(backend.name);
        const RowsF got = model.embed(t.prompts, t.options(backend.arithmetic));
        const double error = t.worst(got);
        CAPTURE(error);
        CHECK(error <= backend.tolerance);
        const RowsF again = model.embed(t.prompts, t.options(backend.arithmetic));
        CHECK(std::memcmp(got.data(), again.data(), sizeof(float) * std::size_t(got.size())) == 0);
    }
}

SmallModel shaped(Index heads, Index kv_heads, Index head_size, Index hidden, Index ffn) {
    SmallModel m;
    m.heads = heads;
    m.kv_heads = kv_heads;
    m.head_size = head_size;
    m.hidden = hidden;
    m.ffn = ffn;
    return m;
}

}  // namespace

TEST_CASE("every backend equals the twin: types of weights") {
    for (const std::string dtype : {"F32", "F16", "BF16"}) check_case({SmallModel{}, 0, dtype});
    for (const int norms : {0, 2}) check_case({SmallModel{}, 0, "F32", norms});
}

TEST_CASE("every backend equals the twin: awkward extents") {
    check_case({shaped(3, 1, 6, 33, 31), 0, "BF16"});
    check_case({shaped(1, 1, 2, 5, 7), 0, "F16"});
    check_case({shaped(4, 4, 20, 48, 45), 0, "F32"});
    check_case({shaped(2, 1, 80, 64, 72), 0, "BF16"});
    check_case({shaped(1, 1, 256, 40, 33), 0, "BF16"});
}

TEST_CASE("every backend equals the twin: biases, a tied head, long sums") {
    SmallModel m;
    m.hidden = 260;
    m.ffn = 420;
    m.layers = 1;
    m.qkv_bias = m.output_bias = m.mlp_bias = m.tied = true;
    m.more = ", \"attention_bias\": true, \"mlp_bias\": true";
    check_case({m, 0, "BF16"});
}

TEST_CASE("every backend equals the twin: a window") {
    SmallModel m;
    m.architecture = "MistralForCausalLM";
    for (const Index window : {1, 7, 40}) {
        m.more = ", \"sliding_window\": " + std::to_string(window);
        check_case({m, window, "F32"});
    }
}

TEST_CASE("company and order change an embedding by rounding at most") {
    const Case t(SmallModel{}, 0, "F32");
    const Transformer model(t.dir / "m");
    const std::vector<TokenIds> reversed(t.prompts.rbegin(), t.prompts.rend());
    for (const Backend& backend : backends()) {
        CAPTURE(backend.name);
        const RowsF back = model.embed(reversed, t.options(backend.arithmetic)).colwise().reverse();
        CHECK(t.worst(back) <= backend.tolerance);
        const RowsF alone = model.embed(std::span(&t.prompts[4], 1), t.options(backend.arithmetic));
        CHECK((alone.row(0) - back.row(4)).norm() <= backend.tolerance * back.row(4).norm());
        CHECK(model.embed({}, t.options(backend.arithmetic)).rows() == 0);
    }
}

TEST_CASE("a weight that is not finite is named on every backend") {
    Case t(SmallModel{}, 0, "F32");
    for (const char* name :
         {"model.layers.1.self_attn.v_proj.weight", "model.layers.0.input_layernorm.weight",
          "model.layers.1.mlp.down_proj.weight"}) {
        test::Weights broken = t.weights;
        broken[name].value[5] = std::nan("");
        test::write_checkpoint(t.dir / "broken", t.m, broken);
        const Transformer model(t.dir / "broken");
        for (const Backend& backend : backends()) {
            CAPTURE(backend.name);
            const std::string message =
                test::input_error([&] { model.embed(t.prompts, t.options(backend.arithmetic)); });
            CHECK(test::contains(message, name));
            CHECK(test::contains(message, "element 5"));
        }
    }
}

TEST_CASE("a stop between layers ends a run on every backend") {
    const Case t(SmallModel{}, 0, "F32");
    const Transformer model(t.dir / "m");
    for (const Backend& backend : backends()) {
        CAPTURE(backend.name);
        std::vector<double> seen;
        EmbedOptions options = t.options(backend.arithmetic);
        options.progress = [&](double done) { seen.push_back(done); };
        model.embed(t.prompts, options);
        REQUIRE(!seen.empty());
        CHECK(std::is_sorted(seen.begin(), seen.end()));
        CHECK(seen.back() == 1.0);
        options.progress = [&](double) { cancel_flag = true; };
        CHECK_THROWS_AS(model.embed(t.prompts, options), Interrupted);
        cancel_flag = false;
    }
}

namespace {

/// The smallest card on which the model is run, in steps of 4 KiB.
std::size_t least_budget(const ModelConfig& config, Precision precision, Index longest) {
    for (std::size_t budget = 4096;; budget += 4096) try {
            plan_card(config, precision, longest, budget);
            return budget;
        } catch (const InputError&) {
            REQUIRE(budget < (std::size_t{1} << 30));
        }
}

RowsF run_layers(LayerBackend& backend, const Transformer& model, const Case& t, Index& ticks) {
    std::vector<Prompt> layout;
    Index tokens = 0;
    for (const TokenIds& ids : t.prompts) {
        layout.push_back({tokens, static_cast<Index>(ids.size())});
        tokens += layout.back().length;
    }
    RowsF x(tokens, t.m.hidden);
    for (std::size_t i = 0; i < t.prompts.size(); ++i)
        for (Index p = 0; p < layout[i].length; ++p)
            for (Index c = 0; c < t.m.hidden; ++c)
                x(layout[i].first + p, c) = static_cast<float>(
                    t.weights.at("model.embed_tokens.weight")(t.prompts[i][std::size_t(p)], c));
    Index done = 0;
    const Tick tick = [&](Index count) { done += count, ++ticks; };
    backend.begin(x, layout);
    for (Index i = 0; i < t.m.layers; ++i) {
        backend.load(model.checkpoint().layer(i));
        backend.run(tick);
        if (i + 1 < t.m.layers) backend.prefetch(model.checkpoint().layer(i + 1));
    }
    const RowsF last = backend.last_rows();
    CHECK(done == tokens * t.m.layers);
    return last;
}

}  // namespace

TEST_CASE("a model on a card with hardly any memory: many batches, weights in many pieces") {
    if (!test::card_for(3)) return;
    SmallModel m;
    m.layers = 5;
    m.hidden = 96;
    m.ffn = 130;
    const Case t(m, 0, "F16", 0);
    const Transformer model(t.dir / "m");
    for (const Backend& backend : kCards) {
        CAPTURE(backend.name);
        const std::size_t budget = least_budget(model.config(), backend.arithmetic.precision, 129);
        const auto layers =
            make_cuda_backend(model.config(), 129, backend.arithmetic.precision, budget);
        Index ticks = 0;
        CHECK(t.worst(run_layers(*layers, model, t, ticks)) <= backend.tolerance);
        CHECK(ticks >= 4 * m.layers);
    }
}

TEST_CASE("the plan of a card's memory") {
    SmallModel m = shaped(32, 32, 128, 4096, 11008);
    m.layers = 32;
    m.vocabulary = 32000;
    m.context = 4096;
    const ModelConfig c = parse_model_config(m.config(), "config.json");
    constexpr std::size_t kGiB = std::size_t{1} << 30;
    const CardPlan large = plan_card(c, Precision::kBfloat16, 50, 76 * kGiB);
    CHECK(large.batch_tokens == 16384);
    CHECK(large.chunk_tokens == 65536);
    CHECK(large.layers >= 2 * std::size_t{202375168} * 2);
    CHECK(large.layers <= 2 * std::size_t{202375168} * 2 + (1 << 20));
    for (const std::size_t budget : {3 * kGiB, 4 * kGiB, 8 * kGiB, 76 * kGiB})
        for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16})
            CHECK(plan_card(c, precision, 4096, budget).total() <= budget);
    const auto refusal = [&](Precision precision) {
        return test::input_error([&] { plan_card(c, precision, 50, kGiB / 2); });
    };
    CHECK(test::contains(refusal(Precision::kFloat32), "two layers of weights need 1545 MiB"));
    CHECK(test::contains(refusal(Precision::kFloat32), "512 MiB are free"));
    CHECK(test::contains(refusal(Precision::kBfloat16), "773 MiB"));
}

TEST_CASE("the processor refuses every precision but its own") {
    const Case t(SmallModel{}, 0, "F32");
    const Transformer model(t.dir / "m");
    for (const Precision precision : {Precision::kTf32, Precision::kBfloat16})
        CHECK(test::contains(test::input_error([&] {
                                 model.embed(t.prompts, t.options({Device::kCpu, precision}));
                             }),
                             "float32 alone"));
    CHECK(arithmetic_name({}) != "");
}
