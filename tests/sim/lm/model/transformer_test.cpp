// The forward pass against its twin, and that a prompt's embedding is its own affair.
#include "sim/lm/model/transformer.hpp"

#include <doctest/doctest.h>

#include "sim/base/cancel.hpp"
#include "tests/support/transformer_twin.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;
using test::SmallModel;

namespace {

TokenIds make_prompt(Index length, Index vocabulary, std::uint64_t index) {
    TokenIds ids;
    Stream stream(test::seed(), Purpose::kSuite, 5000 + index);
    for (Index i = 0; i < length; ++i)
        ids.push_back(static_cast<std::int32_t>(stream() % static_cast<std::uint64_t>(vocabulary)));
    return ids;
}

std::vector<TokenIds> make_prompts(const SmallModel& m) {
    std::vector<TokenIds> prompts;
    for (const Index length : {1, 2, 7, 8, 9, 31, 33, 60})
        prompts.push_back(make_prompt(length, m.vocabulary, static_cast<std::uint64_t>(length)));
    return prompts;
}

double plain_frequency(double theta, Index c, Index h) {
    return std::pow(theta, -2.0 * double(c) / double(h));
}

double worst_error(const RowsF& got, const test::Twin& twin, const std::vector<TokenIds>& prompts,
                   int norms) {
    double worst = 0.0;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        const test::Row want = twin.embed(prompts[i], norms);
        const Eigen::Map<const Eigen::RowVectorXd> row(want.data(), Index(want.size()));
        const double error = test::relative_error(got.row(Index(i)).cast<double>(), row);
        if (!(error <= worst)) worst = error;
    }
    return worst;
}

/// Writes the model, runs it and compares with the twin at every final norm.
void check_model(const SmallModel& m, std::function<double(Index)> frequency,
                 std::function<Index(Index)> window, const std::string& dtype = "F32") {
    CAPTURE(m.config());
    CAPTURE(dtype);
    const test::TemporaryDirectory dir;
    const test::Weights weights = test::random_weights(m, 1);
    test::write_checkpoint(dir / "m", m, weights, dtype);
    const Transformer model(dir / "m");
    const auto prompts = make_prompts(m);
    const test::Twin twin{m, weights, std::move(frequency), std::move(window)};
    for (const int norms : {0, 1, 2}) {
        EmbedOptions options;
        options.norm = static_cast<FinalNorm>(norms);
        CHECK(worst_error(model.embed(prompts, options), twin, prompts, norms) <= 5e-6);
    }
}

const auto kNoWindow = [](Index) { return Index{0}; };

std::function<double(Index)> plain(const SmallModel& m, double theta = 10000.0) {
    return [h = m.head_size, theta](Index c) { return plain_frequency(theta, c, h); };
}

/// Llama 3.1: wavelengths above context / low are stretched by `factor`, those below context /
/// high kept, in between a mixture linear in context / wavelength.
double llama3_twin(double f, double factor, double low, double high, double context) {
    const double wave = 2.0 * std::numbers::pi / f;
    if (wave > context / low) return f / factor;
    if (wave < context / high) return f;
    const double s = (context / wave - low) / (high - low);
    return (1.0 - s) * f / factor + s * f;
}

}  // namespace

TEST_CASE("Llama equals its twin for awkward extents and every type of weights") {
    SmallModel m;
    for (const std::string dtype : {"F32", "F16", "BF16"})
        check_model(m, plain(m), kNoWindow, dtype);
    for (const Index heads : {1, 3, 4})
        for (const Index size : {2, 6, 20}) {
            m.heads = heads;
            m.kv_heads = 1;
            m.head_size = size;
            m.hidden = 12 * heads;
            m.ffn = 31;
            check_model(m, plain(m), kNoWindow);
        }
    m.kv_heads = 4;  // as many as heads
    check_model(m, plain(m), kNoWindow);
}

TEST_CASE("sums longer than a block, biases and a tied head") {
    SmallModel m;
    m.hidden = 260;
    m.ffn = 700;
    m.layers = 1;
    m.qkv_bias = m.output_bias = m.mlp_bias = m.tied = true;
    m.more = ", \"attention_bias\": true, \"mlp_bias\": true";
    check_model(m, plain(m), kNoWindow);
}

TEST_CASE("every kind of rotary scaling") {
    SmallModel m;
    m.head_size = 16;
    m.more = ", \"rope_theta\": 500000.0, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}";
    check_model(
        m, [](Index c) { return plain_frequency(500000.0, c, 16) / 4.0; }, kNoWindow);
    m.more = ", \"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 2.0}";
    check_model(m, plain(m), kNoWindow);
    m.more =
        ", \"rope_parameters\": {\"rope_type\": \"llama3\", \"rope_theta\": 1000.0, \"factor\": "
        "8.0,"
        " \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0,"
        " \"original_max_position_embeddings\": 64}";
    check_model(
        m, [](Index c) { return llama3_twin(plain_frequency(1000.0, c, 16), 8.0, 1.0, 4.0, 64.0); },
        kNoWindow);
}

TEST_CASE("Mistral's window, and none") {
    SmallModel m;
    m.architecture = "MistralForCausalLM";
    for (const Index window : {1, 7, 8, 9, 30, 100}) {
        m.more = ", \"sliding_window\": " + std::to_string(window);
        check_model(m, plain(m), [window](Index) { return window; });
    }
    m.more = ", \"sliding_window\": null";
    check_model(m, plain(m), kNoWindow);
}

TEST_CASE("Qwen2: biases of q, k and v, a window from a layer on") {
    SmallModel m;
    m.architecture = "Qwen2ForCausalLM";
    m.qkv_bias = true;
    m.layers = 3;
    check_model(m, plain(m), kNoWindow);
    m.more = ", \"use_sliding_window\": true, \"sliding_window\": 5, \"max_window_layers\": 1";
    check_model(m, plain(m), [](Index layer) { return layer >= 1 ? 5 : 0; });
}

namespace {

/// One model for the tests below.
struct Fixture {
    test::TemporaryDirectory dir;
    SmallModel m;
    test::Weights weights;
    Fixture() {
        m.context = 400;
        weights = test::random_weights(m, 2);
        test::write_checkpoint(dir / "m", m, weights);
    }
};

bool same(const RowsF& a, Index i, const RowsF& b, Index j) {
    return a.cols() == b.cols() &&
           std::memcmp(a.row(i).data(), b.row(j).data(),
                       static_cast<std::size_t>(a.cols()) * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("company, order and threads change no bit of an embedding") {
    const Fixture f;
    const Transformer model(f.dir / "m");
    std::vector<TokenIds> prompts;  // together some twenty batches, so that threads share them
    for (Index i = 0; i < 120; ++i)
        prompts.push_back(make_prompt(1 + i * 37 % 70, f.m.vocabulary, std::uint64_t(i)));
    prompts.push_back(make_prompt(400, f.m.vocabulary, 999));
    const RowsF all = model.embed(prompts);
    const std::vector<TokenIds> reversed(prompts.rbegin(), prompts.rend());
    const auto n = static_cast<Index>(prompts.size());
    for (const int threads : {1, 2, 3, 8}) {
        const test::Threads scope(threads);
        const RowsF again = model.embed(prompts), back = model.embed(reversed);
        bool equal = true;
        for (Index i = 0; i < n; ++i)
            equal = equal && same(all, i, again, i) && same(all, i, back, n - 1 - i);
        CHECK(equal);
    }
    for (const Index i : {0, 1, 37, 69, 119, 120}) {
        const RowsF alone = model.embed(std::span(&prompts[static_cast<std::size_t>(i)], 1));
        CHECK(same(all, i, alone, 0));
    }
}

TEST_CASE("shards give the bits of one file") {
    const Fixture f;
    test::write_shards(f.dir / "shards", f.m, f.weights);
    const auto prompts = make_prompts(f.m);
    const RowsF one = Transformer(f.dir / "m").embed(prompts);
    const RowsF two = Transformer(f.dir / "shards").embed(prompts);
    for (Index i = 0; i < one.rows(); ++i) CHECK(same(one, i, two, i));
}

TEST_CASE("logits, head rows and the greedy continuation") {
    const Fixture f;
    const Transformer model(f.dir / "m");
    const auto prompts = make_prompts(f.m);
    const test::Twin twin{f.m, f.weights, plain(f.m), kNoWindow};
    const RowsF all = model.logits(model.embed(prompts));
    const TokenIds ids = {36, 0, 5};
    const RowsF some = model.logits(model.embed(prompts), ids);
    REQUIRE(all.cols() == f.m.vocabulary);
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        const test::Row want = twin.linear("lm_head", twin.embed(prompts[i], 1));
        for (Index v = 0; v < all.cols(); ++v)
            CHECK(std::fabs(all(Index(i), v) - want[std::size_t(v)]) <= 2e-5);
        for (Index k = 0; k < 3; ++k)
            CHECK(some(Index(i), k) == all(Index(i), ids[std::size_t(k)]));
    }
    const RowsF rows = model.head_rows(ids);
    for (Index k = 0; k < 3; ++k)
        for (Index c = 0; c < f.m.hidden; ++c)
            CHECK(rows(k, c) == f.weights.at("lm_head.weight")(ids[std::size_t(k)], c));
    TokenIds text = prompts[2];
    const TokenIds got = model.greedy(text, 5);
    for (const auto id : got) {
        const test::Row logits = twin.linear("lm_head", twin.embed(text, 1));
        CHECK(id == std::max_element(logits.begin(), logits.end()) - logits.begin());
        text.push_back(id);
    }
}

TEST_CASE("progress ends at one, a stop ends the run") {
    const Fixture f;
    const Transformer model(f.dir / "m");
    std::vector<TokenIds> prompts(40, make_prompt(50, f.m.vocabulary, 1));
    std::vector<double> seen;
    EmbedOptions options;
    options.progress = [&](double done) { seen.push_back(done); };
    model.embed(prompts, options);
    REQUIRE(seen.size() > 10);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
    CHECK(seen.back() == 1.0);
    seen.clear();
    options.progress = [&](double done) {
        seen.push_back(done);
        if (done > 0.2) cancel_flag = true;
    };
    CHECK_THROWS_AS(model.embed(prompts, options), Interrupted);
    cancel_flag = false;
    CHECK(seen.back() < 0.8);
}

TEST_CASE("prompts that cannot be run are named") {
    const Fixture f;
    const Transformer model(f.dir / "m");
    const auto refusal = [&](const TokenIds& ids) {
        const std::vector<TokenIds> prompts = {{1, 2}, ids};
        const std::string message = test::input_error([&] { model.embed(prompts); });
        CHECK(test::contains(message, "prompt 1"));
        return message;
    };
    CHECK(test::contains(refusal({}), "no token"));
    CHECK(test::contains(refusal({1, 37}), "id 37 is outside the vocabulary of 37"));
    CHECK(test::contains(refusal({-1}), "token 0: id -1"));
    CHECK(test::contains(refusal(TokenIds(401, 1)), "401 tokens, the model's context is 400"));
    CHECK(test::contains(test::input_error([&] { model.head_rows(TokenIds{99}); }), "id 99"));
    CHECK(model.embed({}).rows() == 0);
}

TEST_CASE("seven billion parameters and 1000 prompts need less than 8 GiB beside the file") {
    SmallModel m;
    m.hidden = 4096;
    m.ffn = 11008;
    m.layers = 32;
    m.heads = m.kv_heads = 32;
    m.head_size = 128;
    m.vocabulary = 32000;
    m.context = 4096;
    const ModelConfig c = parse_model_config(m.config(), "config.json");
    CHECK(c.parameters() == 6738415616);  // Llama 2 7B
    const MemoryPlan plan = memory_plan(c, 1000, 1000 * 100, 200, 16);
    CHECK(plan.layer == 809500672);
    CHECK(plan.hidden == std::size_t{100000} * 4096 * 4);
    CHECK(plan.total() < std::size_t{8} << 30);
}
