// Every architecture against what transformers computed (architecture_values.json, written by
// tests/oracle/make_architecture_values.py), and its gradient against differences.
#include "sim/lm/model/architectures.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "sim/lm/model/layer_backend.hpp"
#include "sim/lm/model/transformer.hpp"
#include "sim/lm/train/sequence_model.hpp"
#include "tests/support/nested_support.hpp"

using namespace prefdyn;
using namespace prefdyn::finetune;
using nlohmann::json;
using test::contains;

namespace {

const json& kept() {
    static const json values = [] {
        std::ifstream in(test::source_dir() / "tests/sim/lm/model/architecture_values.json");
        return json::parse(in);
    }();
    return values;
}

std::vector<std::int32_t> prompt() { return kept().at("ids"); }

/// Multiples of 1/512 in (-1/4, 1/4), around 1 for weights of one dimension: splitmix64 of the
/// name's FNV-1a.
test::Weight weight_of_name(const std::string& name, std::vector<Index> shape) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const unsigned char byte : name) hash = (hash ^ byte) * 0x100000001b3u;
    const double centre = shape.size() == 1 && name.ends_with(".weight") ? 1.0 : 0.0;
    Index count = 1;
    for (const Index extent : shape) count *= extent;
    test::Weight out{std::move(shape), {}};
    for (Index i = 1; i <= count; ++i) {
        std::uint64_t z = hash + static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        out.value.push_back(centre + (static_cast<double>(z >> 56) - 127.5) / 512.0);
    }
    return out;
}

/// A model of the file, written as a checkpoint.
struct Kept {
    test::TemporaryDirectory dir;
    std::unique_ptr<Transformer> model;
    std::unique_ptr<Layout> layout;
    std::unique_ptr<Parameters<double>> weights;

    explicit Kept(const json& entry) {
        const std::string config = entry.at("config").dump();
        const ModelConfig read = parse_model_config(config, "config");
        const Layout blocks(read);
        const std::string before = read.nested ? "language_model." : "";
        test::Weights values;
        for (const Block& b : blocks.blocks()) {
            const std::vector<Index> shape = b.vector       ? std::vector<Index>{b.cols}
                                             : b.transposed ? std::vector<Index>{b.cols, b.rows}
                                                            : std::vector<Index>{b.rows, b.cols};
            values[before + b.name] = weight_of_name(b.name, shape);
        }
        if (read.nested) {
            values["vision_tower.probe"] = weight_of_name("probe", {2, 3});
            values["multi_modal_projector.norm.weight"] = weight_of_name("norm.weight", {2});
        }
        std::filesystem::create_directories(dir / "m");
        test::write_bytes(dir / "m/config.json", config);
        test::write_bytes(dir / "m/model.safetensors", test::safetensors(values, "F32"));
        model = std::make_unique<Transformer>(dir / "m");
        layout = std::make_unique<Layout>(model->config());
        weights = std::make_unique<Parameters<double>>(
            read_parameters<double>(model->checkpoint(), *layout));
    }
};

/// f = sum_v cos(v) logit_v behind the prompt, and its gradient.
struct Slope {
    double value = 0.0;
    Rows<double> hidden;
    Parameters<double> gradient;
};

Slope slope(const Kept& m, const Parameters<double>& weights, Keep keep) {
    const std::vector<Index> last = {static_cast<Index>(prompt().size()) - 1};
    TokenBatch batch;
    batch.add(prompt());
    batch.add(std::vector<std::int32_t>{7, 2});  // company changes nothing
    SequenceModel<double> model(m.model->config(), batch.tokens());
    const Rows<double>& logits = model.forward(weights, batch, last, keep);
    Rows<double> c(1, logits.cols());
    for (Index v = 0; v < c.cols(); ++v) c(0, v) = std::cos(static_cast<double>(v));
    Slope out{logits.row(0).dot(c.row(0)), model.embeddings(), Parameters<double>(*m.layout)};
    if (keep != Keep::kNothing) model.backward(c, out.gradient);
    return out;
}

/// (f(w + e v) - f(w - e v)) / 2e of one block's numbers, v its gradient over its norm.
double difference(const Kept& m, int block, const RowsMap<double>& v) {
    constexpr double kStep = 1e-5;
    Parameters<double> weights = *m.weights;
    weights.matrix(block) += kStep * v;
    const double above = slope(m, weights, Keep::kNothing).value;
    weights.matrix(block) -= 2.0 * kStep * v;
    return (above - slope(m, weights, Keep::kNothing).value) / (2.0 * kStep);
}

}  // namespace

TEST_CASE("every architecture has values of transformers") {
    std::set<std::string> there;
    for (const json& entry : kept().at("models"))
        there.insert(entry.at("config").at("architectures").at(0));
    for (const Architecture& each : architectures())
        CHECK_MESSAGE(there.contains(each.name), each.name);
}

TEST_CASE("hidden states and gradients of every tensor are those of transformers") {
    for (const json& entry : kept().at("models")) {
        CAPTURE(entry.at("name").get<std::string>());
        const Kept m(entry);
        const Slope got = slope(m, *m.weights, Keep::kAll);
        const std::vector<double> hidden = entry.at("hidden");
        const Eigen::Map<const Eigen::RowVectorXd> want(hidden.data(), Index(hidden.size()));
        CHECK(test::relative_error(got.hidden, want) <= 1e-6);
        const RowsF single = m.model->embed(std::vector<TokenIds>{prompt()});
        CHECK(test::relative_error(single.cast<double>(), want) <= 1e-5);
        CHECK(entry.at("gradient").size() == std::size_t(m.layout->count()));
        for (int b = 0; b < m.layout->count(); ++b) {
            CAPTURE(m.layout->block(b).name);
            const double norm = entry.at("gradient").at(m.layout->block(b).name);
            CHECK(std::fabs(got.gradient.matrix(b).norm() - norm) <= 1e-5 * norm + 1e-9);
        }
    }
}

TEST_CASE("gradients of every tensor are differences, and the same however much is kept") {
    for (const json& entry : kept().at("models")) {
        CAPTURE(entry.at("name").get<std::string>());
        const Kept m(entry);
        Slope got = slope(m, *m.weights, Keep::kAll);
        const Slope again = slope(m, *m.weights, Keep::kInputs);
        CHECK(test::same_bits(again.gradient.values(), got.gradient.values()));
        for (int b = 0; b < m.layout->count(); ++b) {
            CAPTURE(m.layout->block(b).name);
            RowsMap<double> direction = got.gradient.matrix(b);
            const double norm = direction.norm();
            if (norm < 1e-12) continue;  // k's bias moves all scores of a row alike
            direction /= norm;
            CHECK(std::fabs(difference(m, b, direction) - norm) <= 1e-6 * norm + 1e-8);
        }
    }
}

TEST_CASE("logits: capped, scaled, and made of the rows of the head where they are linear") {
    for (const json& entry : kept().at("models")) {
        CAPTURE(entry.at("name").get<std::string>());
        const Kept m(entry);
        const RowsF x = m.model->embed(std::vector<TokenIds>{prompt()});
        const TokenIds ids = {3, 0, 18};
        const RowsF all = m.model->logits(x), some = m.model->logits(x, ids);
        const RowsF linear = x * m.model->head_rows(ids).transpose();
        const double cap = m.model->config().logit_cap;
        for (Index k = 0; k < 3; ++k) {
            CHECK(some(0, k) == all(0, ids[std::size_t(k)]));
            const double z = linear(0, k), want = cap > 0.0 ? cap * std::tanh(z / cap) : z;
            CHECK(std::fabs(some(0, k) - want) <= 1e-5);
        }
    }
}

TEST_CASE("inference is the forward pass of training, bit for bit, alone and in company") {
    for (const json& entry : kept().at("models")) {
        CAPTURE(entry.at("name").get<std::string>());
        const Kept m(entry);
        const TokenIds other = {7, 2};
        const RowsF alone = m.model->embed(std::vector<TokenIds>{prompt()});
        const RowsF both = m.model->embed(std::vector<TokenIds>{other, prompt()});
        CHECK(test::same_bits(RowsF(both.row(1)), alone));
        const auto weights = read_parameters<float>(m.model->checkpoint(), *m.layout);
        TokenBatch batch;
        batch.add(prompt());
        SequenceModel<float> model(m.model->config(), batch.tokens());
        for (const Keep keep : {Keep::kNothing, Keep::kInputs, Keep::kAll}) {
            model.forward(weights, batch, std::vector<Index>{batch.tokens() - 1}, keep);
            CHECK(test::same_bits(model.embeddings(), alone));
        }
    }
}

TEST_CASE("the card names what it does not run") {
    std::map<std::string, std::string> said;
    for (const json& entry : kept().at("models"))
        said[entry.at("name")] = test::input_error(
            [&] { require_card_layers(parse_model_config(entry.at("config").dump(), "config")); });
    for (const std::string runs : {"llama", "llama, yarn", "mistral", "ministral3", "qwen2"})
        CHECK(said.at(runs).empty());
    CHECK(contains(said.at("qwen3"), "norms of queries and keys"));
    CHECK(contains(said.at("olmo2"), "norms after attention"));
    CHECK(contains(said.at("smollm3"), "layers that differ in their rotation"));
    CHECK(contains(said.at("phi3"), "fused projections"));
    CHECK(contains(said.at("granite"), "a scale of attention"));
    CHECK(contains(said.at("gemma2"), "no plain RMS norms"));
    CHECK(contains(said.at("gpt_neox"), "no plain RMS norms"));
    CHECK(contains(said.at("gpt2"), "GPT2LMHeadModel"));
}

TEST_CASE("names without the model's first part, masks beside the weights, and a key too many") {
    for (const json& entry : kept().at("models")) {
        if (entry.at("name") != "gpt2") continue;
        const Kept m(entry);
        const test::TemporaryDirectory dir;
        test::Weights values;
        for (const Block& b : m.layout->blocks()) {
            const std::string bare = b.name.substr(b.name.find('.') + 1);
            values[bare] =
                weight_of_name(b.name, b.vector       ? std::vector<Index>{b.cols}
                                       : b.transposed ? std::vector<Index>{b.cols, b.rows}
                                                      : std::vector<Index>{b.rows, b.cols});
        }
        values["h.0.attn.bias"] = weight_of_name("mask", {1, 1, 32, 32});
        std::filesystem::create_directories(dir / "m");
        test::write_bytes(dir / "m/config.json", entry.at("config").dump());
        test::write_bytes(dir / "m/model.safetensors", test::safetensors(values, "F32"));
        const std::vector<TokenIds> prompts = {prompt()};
        CHECK(test::same_bits(Transformer(dir / "m").embed(prompts), m.model->embed(prompts)));
        json config = entry.at("config");
        config["scale_attn_by_inverse_layer_idx"] = true;
        CHECK(contains(test::input_error([&] { parse_model_config(config.dump(), "c"); }),
                       "scale_attn_by_inverse_layer_idx"));
    }
}

TEST_CASE("of a model that also reads images the text part is run") {
    for (const bool tied : {false, true})
        for (const bool in_memory : {false, true}) {
            test::TemporaryDirectory dir;
            test::SmallModel m;
            m.tied = tied;
            const test::Weights weights = test::random_weights(m, 3);
            test::write_checkpoint(dir / "plain", m, weights);
            test::write_nested(dir / "m", m, weights, in_memory);
            const Transformer model(dir / "m"), plain(dir / "plain");
            const std::vector<TokenIds> prompts = {{1, 2, 3}, {7}};
            const RowsF rows = model.embed(prompts);
            CHECK(rows == plain.embed(prompts));
            CHECK(model.logits(rows) == plain.logits(rows));
            CHECK(model.config().tied == tied);
            CHECK(model.checkpoint().left_out() == 2);
            CHECK(contains(left_out_text(model.checkpoint()), "2 tensors that read images"));
            CHECK(left_out_text(plain.checkpoint()).empty());
            const std::vector<TokenIds> image = {{1, test::kImageToken}};
            CHECK(contains(test::input_error([&] { model.embed(image); }),
                           "token 1: id 36 stands for an image"));
        }
}

TEST_CASE("models that also read images: what is not run is refused by name") {
    const test::TemporaryDirectory dir;
    const test::SmallModel m;
    const test::Weights weights = test::random_weights(m, 3);
    const json good = test::nested_config(m);
    test::write_nested(dir / "m", m, weights);
    const auto refusal = [&] { return test::input_error([&] { Transformer model(dir / "m"); }); };
    const auto with_config = [&](const json& config) {
        test::write_bytes(dir / "m/config.json", config.dump());
        return refusal();
    };
    const auto with_weights = [&](const test::Weights& w) {
        test::write_bytes(dir / "m/model.safetensors", test::safetensors(w, "F32"));
        return refusal();
    };
    const auto with = [&](const std::string& pointer, const json& value) {
        json config = good;
        config[json::json_pointer(pointer)] = value;
        return with_config(config);
    };
    CHECK(contains(with("/text_config", nullptr), "'text_config' is null, wanted is an object"));
    CHECK(contains(with("/text_config/model_type", "llama"), "'model_type' is \"llama\""));
    CHECK(contains(with("/text_config/some_key", 1), "text_config: key \"some_key\""));
    CHECK(contains(with("/text_config/hidden_size", 0), "text_config: key 'hidden_size'"));
    CHECK(contains(with("/some_key", 1), "\"some_key\""));
    json gemma = good;
    gemma["architectures"] = {"Gemma3ForConditionalGeneration"};
    gemma["model_type"] = "gemma3";
    gemma["text_config"] = {{"final_logit_softcapping", 30.0}};
    CHECK(contains(with_config(gemma), "'final_logit_softcapping' is 30.0"));
    test::Weights more = test::nested_weights(weights);
    more["audio_tower.weight"] = more.begin()->second;
    test::write_bytes(dir / "m/config.json", good.dump());
    CHECK(contains(with_weights(more), "\"audio_tower.weight\" is not part of the model"));
    test::Weights twice = test::nested_weights(weights);
    twice["model.language_model.norm.weight"] = weights.at("model.norm.weight");
    CHECK(contains(with_weights(twice), "comes under two names"));
}
