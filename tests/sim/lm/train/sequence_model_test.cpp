// Logits and gradients of every tensor against the plain-loop twin, in double precision.
#include "sim/lm/train/sequence_model.hpp"

#include <doctest/doctest.h>

#include "sim/lm/model/transformer.hpp"
#include "tests/support/transformer_twin.hpp"

using namespace prefdyn;
using namespace prefdyn::finetune;
using test::SmallModel;

namespace {

/// A model, a batch, and f = sum over rows and tokens of c (rows, V) times the logits.
struct Setting {
    SmallModel m;
    std::function<double(Index)> frequency;
    std::function<Index(Index)> window = [](Index) { return Index{0}; };
    bool own_head = false;

    std::vector<std::vector<std::int32_t>> sequences() const {
        std::vector<std::vector<std::int32_t>> out;
        for (const Index length : {1, 7, 9, 3}) {
            Stream stream(test::seed(), Purpose::kSuite, 7000 + static_cast<std::uint64_t>(length));
            out.emplace_back();
            for (Index i = 0; i < length; ++i)
                out.back().push_back(
                    static_cast<std::int32_t>(stream() % static_cast<std::uint64_t>(m.vocabulary)));
        }
        return out;
    }
};

/// Where logits are asked for: token `position` of a sequence.
struct Place {
    std::size_t sequence;
    Index position;
};
std::vector<Place> places() { return {{0, 0}, {1, 6}, {1, 2}, {2, 8}, {2, 7}, {3, 1}}; }

test::Row twin_logits(const test::Twin& twin, const std::vector<std::int32_t>& ids,
                      Index position) {
    const test::Row x = twin.embed({ids.begin(), ids.begin() + position + 1}, 1);
    return twin.linear(twin.find("lm_head.weight") ? "lm_head" : "model.embed_tokens", x);
}

double twin_value(const Setting& s, const test::Weights& w, const RowMatrix& c) {
    const test::Twin twin{s.m, w, s.frequency, s.window};
    const auto sequences = s.sequences();
    double sum = 0.0;
    for (std::size_t r = 0; r < places().size(); ++r) {
        const Place at = places()[r];
        const test::Row logits = twin_logits(twin, sequences[at.sequence], at.position);
        for (std::size_t v = 0; v < logits.size(); ++v) sum += c(Index(r), Index(v)) * logits[v];
    }
    return sum;
}

/// What the code makes of the same.
struct Run {
    RowMatrix logits;
    Parameters<double> gradient;
};

Run run(const ModelConfig& config, const Parameters<double>& weights, const Setting& s,
        const RowMatrix& c, Keep keep, std::vector<bool> trainable,
        std::vector<std::size_t> order) {
    const auto sequences = s.sequences();
    TokenBatch batch;
    std::vector<Index> first(sequences.size());
    for (const std::size_t k : order) {
        first[k] = batch.tokens();
        batch.add(sequences[k]);
    }
    std::vector<Index> rows;
    for (const Place& at : places()) rows.push_back(first[at.sequence] + at.position);
    SequenceModel<double> model(config, 9);
    Run out{model.forward(weights, batch, rows, keep), {weights.layout(), std::move(trainable)}};
    out.gradient.values().setConstant(0.5);  // gradients are added to what is there
    model.backward(c, out.gradient);
    out.gradient.values().array() -= 0.5;
    return out;
}

/// (f(w + h u) - f(w - h u)) / 2h for a direction u in one tensor.
double central_difference(const Setting& s, test::Weights w, const std::string& name,
                          const std::vector<double>& u, const RowMatrix& c) {
    constexpr double h = 1e-4;
    std::vector<double>& value = w.at(name).value;
    const std::vector<double> at = value;
    double f[2];
    for (int side = 0; side < 2; ++side) {
        for (std::size_t k = 0; k < value.size(); ++k) value[k] = at[k] + (side ? h : -h) * u[k];
        f[side] = twin_value(s, w, c);
    }
    return (f[1] - f[0]) / (2.0 * h);
}

/// Three dense random directions and two entries of a tensor.
std::vector<std::vector<double>> directions(std::size_t size, std::uint64_t index) {
    std::vector<std::vector<double>> out;
    for (std::uint64_t k = 0; k < 3; ++k) {
        const RowMatrix x = test::gaussian(1, Index(size), 10 * index + k);
        out.emplace_back(x.data(), x.data() + x.size());
    }
    for (const std::size_t entry : {size / 3, size - 1}) {
        out.emplace_back(size, 0.0);
        out.back()[entry] = 1.0;
    }
    return out;
}

void check_gradient(const Setting& s, const test::Weights& w, const Parameters<double>& gradient,
                    const RowMatrix& c) {
    for (int b = 0; b < gradient.layout().count(); ++b) {
        const Block& block = gradient.layout().block(b);
        CAPTURE(block.name);
        const auto got = gradient.matrix(b);
        const double size = got.norm();
        CHECK(size > 0.0);
        for (const auto& u : directions(w.at(block.name).value.size(), std::uint64_t(b))) {
            const Eigen::Map<const Vector> along(u.data(), Index(u.size()));
            const Eigen::Map<const Vector> flat(got.data(), got.size());
            const double want = central_difference(s, w, block.name, u, c);
            CHECK(std::fabs(flat.dot(along) - want) <= 1e-6 * size * along.norm());
        }
    }
}

void check(const Setting& s) {
    CAPTURE(s.m.config());
    const test::TemporaryDirectory dir;
    test::Weights w = test::random_weights(s.m, 2);
    test::write_checkpoint(dir / "m", s.m, w);
    const transformer::Checkpoint checkpoint(dir / "m");
    const ModelConfig& config = checkpoint.config();
    if (s.own_head) w["lm_head.weight"] = w["model.embed_tokens.weight"];
    const Layout layout(config, s.own_head);
    const auto weights = read_parameters<double>(checkpoint, layout);
    const RowMatrix c = test::gaussian(Index(places().size()), s.m.vocabulary, 99);
    const auto all = layout.every_block();
    const Run full = run(config, weights, s, c, Keep::kAll, all, {0, 1, 2, 3});
    const test::Twin twin{s.m, w, s.frequency, s.window};
    for (std::size_t r = 0; r < places().size(); ++r) {
        const auto ids = s.sequences()[places()[r].sequence];
        const test::Row want = twin_logits(twin, ids, places()[r].position);
        const Eigen::Map<const Eigen::RowVectorXd> row(want.data(), Index(want.size()));
        CHECK(test::relative_error(full.logits.row(Index(r)), row) <= 1e-6);
    }
    check_gradient(s, w, full.gradient, c);

    const Run again = run(config, weights, s, c, Keep::kInputs, all, {0, 1, 2, 3});
    CHECK(test::same_bits(again.gradient.values(), full.gradient.values()));
    const Run reordered = run(config, weights, s, c, Keep::kAll, all, {2, 0, 3, 1});
    CHECK(test::relative_error(reordered.logits, full.logits) <= 1e-14);
    CHECK(test::relative_error(reordered.gradient.values(), full.gradient.values()) <= 1e-13);
}

Setting setting(const std::string& more = {}) {
    Setting s;
    s.m.hidden = 20;
    s.m.ffn = 23;
    s.m.more = more;
    s.frequency = [h = s.m.head_size](Index c) {
        return std::pow(10000.0, -2.0 * double(c) / double(h));
    };
    return s;
}

}  // namespace

TEST_CASE("gradients of a Llama: grouped heads, tied, and a head cut loose") {
    Setting s = setting();
    check(s);
    s.m.tied = true;
    check(s);
    s.own_head = true;
    check(s);
    s = setting();
    s.m.kv_heads = s.m.heads;
    check(s);
}

TEST_CASE("gradients with every bias, a window, rotary scaling") {
    Setting s = setting(", \"attention_bias\": true, \"mlp_bias\": true");
    s.m.qkv_bias = s.m.output_bias = s.m.mlp_bias = true;
    check(s);
    s = setting(", \"sliding_window\": 3");
    s.m.architecture = "MistralForCausalLM";
    s.window = [](Index) { return Index{3}; };
    check(s);
    s = setting(", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}");
    s.frequency = [f = s.frequency](Index c) { return f(c) / 4.0; };
    check(s);
    s = setting(", \"use_sliding_window\": true, \"sliding_window\": 5, \"max_window_layers\": 1");
    s.m.architecture = "Qwen2ForCausalLM";
    s.m.qkv_bias = true;
    s.m.layers = 3;
    s.window = [](Index layer) { return layer >= 1 ? 5 : 0; };
    check(s);
}

TEST_CASE("blocks that are not trainable change nothing in those that are") {
    const Setting s = setting();
    const test::TemporaryDirectory dir;
    test::write_checkpoint(dir / "m", s.m, test::random_weights(s.m, 2));
    const transformer::Checkpoint checkpoint(dir / "m");
    const Layout layout(checkpoint.config());
    const auto weights = read_parameters<double>(checkpoint, layout);
    const RowMatrix c = test::gaussian(Index(places().size()), s.m.vocabulary, 99);
    const auto every = layout.every_block();
    const Run full = run(checkpoint.config(), weights, s, c, Keep::kAll, every, {0, 1, 2, 3});
    for (int b = 0; b < layout.count(); ++b) {
        CAPTURE(layout.block(b).name);
        std::vector<bool> one(every.size(), false);
        one[static_cast<std::size_t>(b)] = true;
        const Run alone = run(checkpoint.config(), weights, s, c, Keep::kInputs, one, {0, 1, 2, 3});
        CHECK(alone.gradient.matrix(b) == full.gradient.matrix(b));
    }
}

TEST_CASE("inference is the forward pass of training that keeps nothing, bit for bit") {
    Setting s = setting(", \"attention_bias\": true, \"mlp_bias\": true");
    s.m.qkv_bias = s.m.output_bias = s.m.mlp_bias = true;
    s.m.hidden = 260;  // sums of more than a block
    const test::TemporaryDirectory dir;
    test::write_checkpoint(dir / "m", s.m, test::random_weights(s.m, 2));
    const Transformer inference(dir / "m");
    const auto sequences = s.sequences();
    const RowsF want = inference.embed(sequences);
    const Layout layout(inference.config());
    const auto weights = read_parameters<float>(inference.checkpoint(), layout);
    TokenBatch batch;
    std::vector<Index> last;
    for (const auto& ids : sequences) {
        batch.add(ids);
        last.push_back(batch.tokens() - 1);
    }
    for (const Keep keep : {Keep::kNothing, Keep::kInputs, Keep::kAll}) {
        SequenceModel<float> model(inference.config(), 9);
        model.forward(weights, batch, last, keep);
        CHECK(test::same_bits(model.embeddings(), want));
    }
}
