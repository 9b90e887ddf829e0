// Adapters of PEFT added to their base model; the sums are made here with plain loops.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "sim/lm/model/adapter_config.hpp"
#include "sim/lm/model/model_hash.hpp"
#include "sim/lm/model/parameters.hpp"
#include "sim/lm/model/transformer.hpp"
#include "tests/support/nested_support.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;
using nlohmann::json;
using test::contains;
using test::Weight;

namespace {

const std::string kStart = "base_model.model.";
const std::string kQueryOf0 = "model.layers.0.self_attn.q_proj";

/// A base model in "base" and an adapter of it in "adapter".
struct Folders {
    test::TemporaryDirectory dir;
    test::SmallModel m;
    test::Weights base, adapter;
    json config = {{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 6}};
    std::string folder = dir / "adapter";

    explicit Folders(bool tied = false) {
        m.tied = tied;
        base = test::random_weights(m, 41);
        test::write_checkpoint(dir / "base", m, base);
        config["base_model_name_or_path"] = dir / "base";
        target({"q_proj"});
    }
    /// Adapters of these projections in both layers.
    void target(const std::vector<std::string>& names) {
        config["target_modules"] = names;
        for (const auto& [name, weight] : base)
            for (const std::string& each : names)
                if (name.ends_with("." + each + ".weight"))
                    add(name.substr(0, name.rfind('.')), weight.shape[0], weight.shape[1], 2);
    }
    void add(const std::string& module, Index out, Index in, Index rank) {
        const std::uint64_t index = 900 + 2 * adapter.size();
        adapter[kStart + module + ".lora_A.weight"] = random({rank, in}, index);
        adapter[kStart + module + ".lora_B.weight"] = random({out, rank}, index + 1);
    }
    static Weight random(const std::vector<Index>& shape, std::uint64_t index) {
        return test::random_weight(shape, 0.0, 0.3, index);
    }
    void write() const {
        std::filesystem::create_directories(folder);
        test::write_bytes(folder + "/adapter_config.json", config.dump());
        test::write_bytes(folder + "/adapter_model.safetensors", test::safetensors(adapter, "F32"));
    }
    std::string refusal(const std::string& given = {}) const {
        write();
        return test::input_error([&] { Checkpoint opened(folder, given); });
    }
    /// W + scale B A of the query of layer 0.
    double query(Index i, Index j, double scale) const {
        const Weight& a = adapter.at(kStart + kQueryOf0 + ".lora_A.weight");
        const Weight& b = adapter.at(kStart + kQueryOf0 + ".lora_B.weight");
        double sum = base.at(kQueryOf0 + ".weight")(i, j);
        for (Index k = 0; k < a.shape[0]; ++k) sum += scale * b(i, k) * a(k, j);
        return sum;
    }
};

RowsF values(const Tensor& tensor) {
    RowsF out(tensor.shape[0], tensor.shape.size() > 1 ? tensor.shape[1] : 1);
    to_float(tensor, 0, tensor.elements(), out.data());
    return out;
}

void check_query(const Folders& f, double scale) {
    f.write();
    const Checkpoint model(f.folder);
    const RowsF got = values(model.layer(0)[Part::kQuery]);
    for (Index i = 0; i < got.rows(); ++i)
        for (Index j = 0; j < got.cols(); ++j)
            CHECK(got(i, j) == doctest::Approx(f.query(i, j, scale)).epsilon(1e-5));
}

void check_same(const RowsF& got, const Weight& want) {
    for (Index i = 0; i < got.rows(); ++i)
        for (Index j = 0; j < got.cols(); ++j) CHECK(got(i, j) == static_cast<float>(want(i, j)));
}

}  // namespace

TEST_CASE("an adapter is added to its targets and leaves the rest alone") {
    Folders f;
    check_query(f, 3.0);
    const Checkpoint model(f.folder);
    CHECK(model.folder() == f.dir / "base");
    CHECK(model.tokenizer_folder() == f.dir / "base");
    check_same(values(model.layer(1)[Part::kDown]), f.base["model.layers.1.mlp.down_proj.weight"]);
    CHECK(hash_model(model).hash != hash_model(Checkpoint(f.dir / "base")).hash);
    const std::vector<TokenIds> prompts = {{1, 2, 3}};
    CHECK(Transformer(f.folder).embed(prompts) != Transformer(f.dir / "base").embed(prompts));
}

TEST_CASE("an adapter beside a model is added to that one") {
    Folders f;
    test::write_checkpoint(f.folder, f.m, f.base);
    f.config["base_model_name_or_path"] = "somewhere/else";
    check_query(f, 3.0);
    CHECK(contains(f.refusal(f.dir / "base"), "holds the adapter's base model already"));
}

TEST_CASE("scales: rank-stabilised, ranks and alphas by pattern") {
    Folders f;
    f.config["use_rslora"] = true;
    check_query(f, 6.0 / std::sqrt(2.0));
    f.config["use_rslora"] = false;
    f.config["alpha_pattern"] = {{"0.self_attn.q_proj", 10}};
    check_query(f, 5.0);
    f.config["rank_pattern"] = {{R"(layers\.0\..*)", 3}};
    f.add(kQueryOf0, 32, 32, 3);
    check_query(f, 10.0 / 3.0);
}

TEST_CASE("DoRA scales every row to the length it holds") {
    Folders f;
    f.config["use_dora"] = true;
    for (const std::string layer : {"0", "1"})
        f.adapter[kStart + "model.layers." + layer + ".self_attn.q_proj.lora_magnitude_vector"] =
            test::random_weight({32}, 2.0, 0.1, 77);
    f.write();
    const RowsF got = values(Checkpoint(f.folder).layer(0)[Part::kQuery]);
    const Weight& length = f.adapter[kStart + kQueryOf0 + ".lora_magnitude_vector"];
    for (Index i = 0; i < 32; ++i) {
        double squares = 0.0;
        for (Index j = 0; j < 32; ++j) squares += std::pow(f.query(i, j, 3.0), 2);
        for (Index j = 0; j < 32; ++j)
            CHECK(
                got(i, j) ==
                doctest::Approx(f.query(i, j, 3.0) * length(i) / std::sqrt(squares)).epsilon(1e-5));
    }
    f.adapter.erase(kStart + kQueryOf0 + ".lora_magnitude_vector");
    CHECK(contains(f.refusal(), "lora_magnitude_vector.weight is missing"));
}

TEST_CASE("targets: regular expressions, layers, exclusions, all linear ones") {
    Folders f;
    f.adapter.clear();
    f.add(kQueryOf0, 32, 32, 2);
    f.config["target_modules"] = R"(model\.layers\.0\.self_attn\.q_proj)";
    check_query(f, 3.0);
    f.config["target_modules"] = "q_proj";
    CHECK(contains(f.refusal(), "is no part of the adapter"));
    f.config["target_modules"] = "(";
    CHECK(contains(f.refusal(), "is no regular expression"));
    f.config["target_modules"] = {"q_proj"};
    CHECK(contains(f.refusal(), "layers.1.self_attn.q_proj.lora_A.weight is missing"));
    f.config["layers_to_transform"] = 0;
    check_query(f, 3.0);
    f.config["layers_to_transform"] = {0};
    f.config["layers_pattern"] = "layers";
    check_query(f, 3.0);
    f.config["layers_pattern"] = "h";
    CHECK(contains(f.refusal(), "is no part of the adapter"));
    f.config.erase("layers_to_transform");
    f.config.erase("layers_pattern");
    f.config["exclude_modules"] = {"model.layers.1.self_attn.q_proj"};
    check_query(f, 3.0);
    f.config.erase("exclude_modules");
    f.target({"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"});
    f.config["target_modules"] = "all-linear";
    check_query(f, 3.0);
}

TEST_CASE("biases and whole modules replace those of the base") {
    Folders f;
    const std::string norm = "model.layers.0.input_layernorm.weight";
    f.adapter[kStart + norm] = test::random_weight({32}, 1.0, 0.3, 5);
    CHECK(contains(f.refusal(), "is no part of the adapter"));
    f.config["modules_to_save"] = {"0.input_layernorm"};
    f.write();
    check_same(values(Checkpoint(f.folder).layer(0)[Part::kInputNorm]), f.adapter[kStart + norm]);
    f.adapter.erase(kStart + norm);
    CHECK(contains(f.refusal(), "is missing, modules_to_save names it"));
}

TEST_CASE("adapters part a head from the embedding it was tied to") {
    Folders f(true);
    const std::string table = "model.embed_tokens.weight";
    const Weight other = test::random_weight({37, 32}, 0.0, 1.0, 6);
    f.config["modules_to_save"] = {"lm_head"};
    f.adapter[kStart + "lm_head.weight"] = other;
    f.write();
    const Checkpoint head(f.folder);
    CHECK_FALSE(head.config().tied);
    check_same(values(head.head()), other);
    check_same(values(head.embedding()), f.base[table]);

    f.config["modules_to_save"] = {"embed_tokens"};
    f.adapter.erase(kStart + "lm_head.weight");
    f.adapter[kStart + table] = other;
    f.write();
    const Checkpoint embedding(f.folder);
    CHECK_FALSE(embedding.config().tied);
    check_same(values(embedding.head()), f.base[table]);
    check_same(values(embedding.embedding()), other);

    f.config["modules_to_save"] = nullptr;  // then it is the base model's own table that moves
    f.write();
    const Checkpoint both(f.folder);
    CHECK(both.config().tied);
    check_same(values(both.head()), other);
    check_same(values(both.embedding()), other);
}

TEST_CASE("keys of adapter_config.json that are not understood are refused by name") {
    Folders f;
    const auto with = [&](const char* key, const json& value) {
        Folders changed;
        changed.config[key] = value;
        const std::string message = changed.refusal();
        CHECK((message.empty() || contains(message, "adapter_config.json")));
        return message;
    };
    for (const char* init : {"pissa", "pissa_niter_4", "olora", "corda", "loftq", "lora_ga"})
        CHECK(contains(with("init_lora_weights", init), init));
    for (const json& init : {json(true), json(false), json("gaussian"), json("eva"), json()})
        CHECK(with("init_lora_weights", init).empty());
    CHECK(contains(with("some_future_key", true), "\"some_future_key\" with value true"));
    CHECK(contains(with("some_future_key", false), "some_future_key"));
    CHECK(with("some_future_key", nullptr).empty());
    CHECK(contains(with("peft_type", "IA3"), "IA3"));
    CHECK(contains(with("layer_replication", {{0, 1}}), "layer_replication"));
    CHECK(contains(with("loftq_config", {{"loftq_bits", 4}}), "loftq_bits"));
    CHECK(with("loftq_config", json::object()).empty());
    CHECK(contains(with("trainable_token_indices", {1, 2}), "trainable_token_indices"));
    CHECK(contains(with("target_modules", 3), "wanted is a list of names"));
    CHECK(contains(with("target_modules", nullptr), "'target_modules'"));
    CHECK(contains(with("lora_alpha", -1), "'lora_alpha' is -1"));
}

TEST_CASE("adapters without their base, or of another one") {
    Folders f;
    f.config["base_model_name_or_path"] = "org/name";
    CHECK(contains(f.refusal(), "\"org/name\", which is no folder here"));
    CHECK(f.refusal(f.dir / "base").empty());
    CHECK(contains(test::input_error([&] { Checkpoint opened(f.dir / "base", f.dir / "base"); }),
                   "is no adapter"));
    f.m.hidden = 16;
    test::write_checkpoint(f.dir / "narrow", f.m, test::random_weights(f.m, 3));
    CHECK(contains(f.refusal(f.dir / "narrow"), "has shape [2, 32], wanted is [2, 16]"));
    std::filesystem::remove(f.folder + "/adapter_model.safetensors");
    CHECK(contains(test::input_error([&] { Checkpoint opened(f.folder); }),
                   "no adapter_model.safetensors"));
}

TEST_CASE("adapters of a model that also reads images: the text part by PEFT's names") {
    Folders f;
    test::Weights own;
    for (const auto& [name, weight] : f.adapter)
        own[kStart + "model.language_model." + name.substr(kStart.size() + 6)] = weight;
    own[kStart + "model.vision_tower.layers.0.q_proj.lora_A.weight"] = Folders::random({2, 3}, 990);
    test::write_nested(f.dir / "base", f.m, f.base);
    const test::Weights as_text = std::exchange(f.adapter, own);
    f.write();
    const Checkpoint model(f.folder);
    CHECK(model.left_out() == 3);
    const RowsF got = values(model.layer(0)[Part::kQuery]);
    f.adapter = as_text;
    for (Index i = 0; i < got.rows(); ++i)
        for (Index j = 0; j < got.cols(); ++j)
            CHECK(got(i, j) == doctest::Approx(f.query(i, j, 3.0)).epsilon(1e-5));
    CHECK(contains(f.refusal(), "model.language_model.layers.0.self_attn.q_proj.lora_A.weight"));
    f.adapter = own;
    f.config["target_modules"] = "model\\.language_model\\.layers\\.[01]\\.self_attn\\.q_proj";
    CHECK(f.refusal().empty());
    f.config["target_modules"] = "model\\.layers.*q_proj";
    CHECK(contains(f.refusal(), "no part of the adapter"));
}

TEST_CASE("the head of GPT-NeoX is lm_head to adapters, what is called embed_out is refused") {
    test::TemporaryDirectory dir;
    const json config = {{"architectures", {"GPTNeoXForCausalLM"}},
                         {"model_type", "gpt_neox"},
                         {"hidden_size", 8},
                         {"intermediate_size", 12},
                         {"num_hidden_layers", 1},
                         {"num_attention_heads", 2},
                         {"vocab_size", 9},
                         {"max_position_embeddings", 16},
                         {"rotary_pct", 0.5}};
    const Layout layout(parse_model_config(config.dump(), "config"));
    test::Weights base;
    for (const Block& b : layout.blocks())
        base[b.name] = Folders::random(
            b.vector ? std::vector<Index>{b.cols} : std::vector<Index>{b.rows, b.cols},
            700 + base.size());
    std::filesystem::create_directories(dir / "base");
    std::filesystem::create_directories(dir / "adapter");
    test::write_bytes(dir / "base/config.json", config.dump());
    test::write_bytes(dir / "base/model.safetensors", test::safetensors(base, "F32"));
    const auto write = [&](const std::string& name) {
        const json adapter = {
            {"peft_type", "LORA"},       {"r", 2},
            {"lora_alpha", 4},           {"target_modules", json::array()},
            {"modules_to_save", {name}}, {"base_model_name_or_path", dir / "base"}};
        const Weight head = Folders::random({9, 8}, 800);
        test::write_bytes(dir / "adapter/adapter_config.json", adapter.dump());
        test::write_bytes(dir / "adapter/adapter_model.safetensors",
                          test::safetensors({{kStart + name + ".weight", head}}, "F32"));
        return head;
    };
    const Weight head = write("lm_head");
    check_same(values(Checkpoint(dir / "adapter").head()), head);
    write("embed_out");
    CHECK(contains(test::input_error([&] { Checkpoint opened(dir / "adapter"); }),
                   "transformers 5 calls lm_head"));
}
