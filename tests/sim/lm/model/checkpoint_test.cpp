// Checkpoints that must be refused: every message names the file, the place and the value.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "sim/lm/model/transformer.hpp"
#include "tests/support/transformer_support.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;
using test::contains;
using test::SmallModel;
using test::Weight;

namespace {

std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// A good checkpoint that a test then damages.
struct Folder {
    test::TemporaryDirectory dir;
    SmallModel m;
    test::Weights weights = test::random_weights(m, 3);
    std::string path = dir / "m";
    Folder() { test::write_checkpoint(path, m, weights); }
    std::string operator/(const std::string& name) const { return path + "/" + name; }
    std::string refusal() const {
        const std::string message = test::input_error([&] { Transformer model(path); });
        CHECK((message.empty() || contains(message, dir / "")));
        return message;
    }
    std::string with_config(const std::string& text) const {
        test::write_bytes(path + "/config.json", text);
        return refusal();
    }
    std::string with_file(const std::string& bytes) const {
        test::write_bytes(path + "/model.safetensors", bytes);
        return refusal();
    }
    std::string with_weights(const test::Weights& w, const std::string& dtype = "F32") const {
        return with_file(test::safetensors(w, dtype));
    }
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != text.npos);
    return text.replace(at, from.size(), to);
}

/// A header of tensors a, b, ... at these offsets, F32 of shape [2].
std::string offsets_header(const std::vector<std::pair<int, int>>& offsets) {
    std::string header;
    char name = 'a';
    for (const auto& [begin, end] : offsets)
        header += (header.empty() ? "{\"" : ",\"") + std::string(1, name++) +
                  "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" + std::to_string(begin) +
                  "," + std::to_string(end) + "]}";
    return header + "}";
}

std::string one_tensor(const std::string& dtype, const std::string& shape,
                       const std::string& offsets) {
    return "{\"a\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
           "}}";
}

}  // namespace

TEST_CASE("the good checkpoint opens") {
    const Folder f;
    CHECK(test::input_error([&] { Transformer model(f.path); }).empty());
    CHECK(contains(test::input_error([] { Transformer model("/no/such/folder"); }), "no folder"));
}

TEST_CASE("safetensors: truncated anywhere, or longer") {
    const Folder f;
    const std::string good = read(f / "model.safetensors");
    for (const std::size_t length : {std::size_t{0}, std::size_t{7}, std::size_t{8},
                                     std::size_t{500}, good.size() / 2, good.size() - 1}) {
        CAPTURE(length);
        CHECK_FALSE(f.with_file(good.substr(0, length)).empty());
    }
    CHECK(contains(f.with_file(good + "x"), "the tensors cover"));
}

TEST_CASE("safetensors: header length, JSON, depth and duplicate keys") {
    const Folder f;
    CHECK(contains(f.with_file(test::length_prefix(~std::uint64_t{0}) + "{}"),
                   "claims 18446744073709551615 bytes"));
    CHECK(contains(f.with_file(test::length_prefix(3) + "{}"), "claims 3 bytes"));
    const std::string huge(std::size_t{17} << 20, ' ');
    CHECK(contains(f.with_file(test::safetensors(huge, "")), "claims 17825792 bytes"));
    for (const std::string header : {"", "{", "nul", "{\"a\":1e999}", "{} {}"}) {
        CAPTURE(header);
        CHECK(contains(f.with_file(test::safetensors(header, "")), "not valid JSON"));
    }
    CHECK(contains(f.with_file(test::safetensors("{\"\xff\":1}", "")), "UTF-8"));
    CHECK(contains(f.with_file(test::safetensors("[]", "")), "no JSON object"));
    const std::string deep = "{\"a\":" + std::string(100000, '[');
    CHECK(contains(f.with_file(test::safetensors(deep, "")), "nested deeper than 4 levels"));
    const std::string twice = "{\"a\":1,\"a\":1}";
    CHECK(contains(f.with_file(test::safetensors(twice, "")), "is given twice"));
}

TEST_CASE("safetensors: offsets that overlap, leave holes or lie outside") {
    const Folder f;
    const auto refusal = [&](const std::vector<std::pair<int, int>>& offsets) {
        return f.with_file(test::safetensors(offsets_header(offsets), std::string(16, '\0')));
    };
    CHECK(contains(refusal({{0, 8}, {4, 12}}), "starts at byte 4 of the data"));
    CHECK(contains(refusal({{0, 8}, {0, 8}}), "starts at byte 0 of the data"));
    CHECK(contains(refusal({{8, 16}}), "starts at byte 8"));
    CHECK(contains(refusal({{0, 8}}), "cover 8 bytes of 16"));
    CHECK(contains(refusal({{0, 8}, {16, 24}}), "do not lie in order within the 16 bytes"));
    CHECK(contains(refusal({{8, 0}, {8, 16}}), "do not lie in order"));
    CHECK(contains(refusal({{0, 8}, {8, 12}}), "does not fill"));
}

TEST_CASE("safetensors: shapes and types") {
    const Folder f;
    const auto refusal = [&](const std::string& dtype, const std::string& shape,
                             const std::string& offsets = "[0,16]") {
        return f.with_file(
            test::safetensors(one_tensor(dtype, shape, offsets), std::string(16, '\0')));
    };
    CHECK(contains(refusal("\"F4\"", "[4]"), "dtype \"F4\" is unknown"));
    CHECK(contains(refusal("7", "[4]"), "'dtype' is 7"));
    for (const std::string shape : {"[-4]", "[4.0]", "4", "[\"4\"]", "[[4]]", "null"}) {
        CAPTURE(shape);
        CHECK(contains(refusal("\"F32\"", shape), "'shape' is"));
    }
    for (const std::string shape : {"[18446744073709551615]", "[4294967296,4294967296]",
                                    "[9223372036854775807,2]", "[0,18446744073709551615]", "[5]"}) {
        CAPTURE(shape);
        CHECK(contains(refusal("\"F32\"", shape), "does not fill"));
    }
    CHECK(contains(refusal("\"F32\"", "[1,1,1,1,1,1,1,1,4]"), "rank 9"));
    CHECK(contains(refusal("\"F32\"", "[4]", "[0]"), "do not lie in order"));
    CHECK(contains(refusal("\"F32\"", "[4]", "[0,-16]"), "'data_offsets' is"));
    CHECK(contains(f.with_file(test::safetensors("{\"a\":{}}", "")), "has no 'dtype'"));
    CHECK(contains(f.with_file(test::safetensors("{\"a\":3}", "")), "no object"));
}

TEST_CASE("tensors that are missing, unknown, misshapen or of another type") {
    const Folder f;
    for (const auto& tensor : f.weights) {
        const std::string& name = tensor.first;
        CAPTURE(name);
        test::Weights w = f.weights;
        w.erase(name);
        CHECK(contains(f.with_weights(w), "tensor " + name + " of shape"));
        w[name] = test::random_weight({3, 5}, 0.0, 1.0, 1);
        CHECK(contains(f.with_weights(w), "tensor " + name + " has shape [3, 5]"));
    }
    test::Weights w = f.weights;
    w["model.layers.0.self_attn.q_norm.weight"] = test::random_weight({8}, 0.0, 1.0, 1);
    CHECK(contains(f.with_weights(w), "q_norm.weight\" is not part of the model"));
    w = f.weights;
    w["model.layers.0.self_attn.rotary_emb.inv_freq"] = test::random_weight({4}, 0.0, 1.0, 1);
    CHECK(f.with_weights(w).empty());
    const std::string good = test::safetensors(f.weights, "F32");
    for (const std::string dtype : {"I32", "U32"})
        CHECK(contains(f.with_file(replaced(good, "F32", dtype)), "has type " + dtype));
}

TEST_CASE("weights that are not finite are named, wherever they are") {
    const Folder f;
    const std::vector<TokenIds> prompts = {{1, 2, 3}};
    for (const auto& tensor : f.weights)
        for (const double bad : {kNan, kInfinity, -kInfinity}) {
            const std::string& name = tensor.first;
            CAPTURE(name);
            test::Weights w = f.weights;
            const Index at = name == "model.embed_tokens.weight" ? 2 * f.m.hidden + 1
                                                                 : f.weights.at(name).shape[0] - 1;
            w[name].value[static_cast<std::size_t>(at)] = bad;
            CHECK(f.with_weights(w).empty());
            const Transformer model(f.path);
            const std::string message =
                test::input_error([&] { model.logits(model.embed(prompts)); });
            CHECK(contains(message, "tensor " + name + ", element " + std::to_string(at)));
        }
}

TEST_CASE("config: keys missing, of another kind or out of range") {
    const Folder f;
    const std::string good = f.m.config();
    for (const std::string key : {"hidden_size", "intermediate_size", "num_hidden_layers",
                                  "num_attention_heads", "vocab_size"}) {
        CAPTURE(key);
        CHECK(contains(f.with_config(replaced(good, key, "initializer_range")), key));
        for (const std::string value : {"0", "-1", "1.5", "\"8\"", "[8]", "99999999999999999999"}) {
            CAPTURE(value);
            CHECK(contains(f.with_config(replaced(good, "\"" + key + "\": ",
                                                  "\"" + key + "\": " + value + ", \"top_k\": ")),
                           "key '" + key + "' is"));
        }
    }
    CHECK(contains(f.with_config(replaced(good, "heads\": 4", "heads\": 3")),
                   "a divisor of 'num_attention_heads' 3"));
    CHECK(contains(f.with_config(replaced(good, "dim\": 8", "dim\": 7")), "even"));
    CHECK(contains(f.with_config(replaced(good, "0.000010", "-1")), "rms_norm_eps"));
    CHECK(contains(f.with_config(replaced(good, "false", "0")), "true or false"));
    CHECK(contains(f.with_config("[]"), "no JSON object"));
    CHECK(contains(f.with_config(std::string(2 << 20, ' ')), "at most"));
    CHECK(contains(f.with_config("{\"a\":" + std::string(1000, '[')), "nested deeper than"));
    CHECK(contains(f.with_config("{\"a\":1,\"a\":2}"), "is given twice"));
}

TEST_CASE("models the code cannot run exactly are refused by name") {
    const Folder f;
    const auto with = [&](const std::string& more) {
        SmallModel m;
        m.more = ", " + more;
        return f.with_config(m.config());
    };
    const std::string good = f.m.config();
    CHECK(contains(f.with_config(replaced(good, "LlamaFor", "GemmaFor")), "GemmaForCausalLM"));
    CHECK(contains(with("\"model_type\": \"gemma\""), "gemma"));
    CHECK(contains(with("\"hidden_act\": \"mish\""), "\"mish\""));
    CHECK(contains(with("\"quantization_config\": {\"bits\": 4}"), "quantization_config"));
    CHECK(contains(with("\"logit_scale\": 0.5"), "\"logit_scale\" with value 0.5"));
    CHECK(contains(with("\"sliding_window\": 8"), "sliding_window"));
    CHECK(contains(with("\"is_encoder_decoder\": true"), "is_encoder_decoder"));
    CHECK(with("\"hidden_act\": \"silu\", \"use_cache\": true, \"pad_token_id\": 3").empty());
    CHECK(with("\"surprise\": null").empty());
    for (const std::string type : {"su", "mrope"})
        CHECK(contains(with("\"rope_scaling\": {\"rope_type\": \"" + type + "\", \"factor\": 2}"),
                       "rope type \"" + type + "\""));
    CHECK(contains(with("\"rope_scaling\": {\"type\": \"linear\"}"), "'factor' is missing"));
    CHECK(contains(with("\"rope_scaling\": {\"type\": \"linear\", \"factor\": -2}"), "is -2"));
    CHECK(contains(with("\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2, \"x\": 1}"),
                   "\"x\""));
    CHECK(contains(with("\"rope_scaling\": 3"), "is 3"));
    const std::string yarn = "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4";
    CHECK(with(yarn + "}").empty());
    CHECK(contains(with(yarn + ", \"low_freq_factor\": 1}"), "low_freq_factor"));
    CHECK(contains(with(yarn + ", \"truncate\": 1}"), "'truncate' is 1"));
    CHECK(contains(with(yarn + ", \"beta_fast\": -1}"), "'beta_fast' is -1"));
    const auto longrope = [&](const std::string& factors) {
        return with("\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1, 1, 1, 1]" +
                    factors + "}");
    };
    CHECK(longrope(", \"long_factor\": [1, 2, 3, 4]").empty());
    CHECK(contains(longrope(""), "'long_factor' is missing"));
    CHECK(contains(longrope(", \"long_factor\": [1, 2, 3]"), "wanted are 4"));
    CHECK(contains(longrope(", \"long_factor\": [1, 2, 3, 0]"), "'long_factor' is [1,2,3,0]"));
    CHECK(contains(with("\"rope_parameters\": {\"partial_rotary_factor\": 0.5}"),
                   "partial_rotary_factor"));
    CHECK(contains(with("\"rope_theta\": 0"), "rope_theta"));
}

TEST_CASE("keys at their neutral value change nothing, others are refused") {
    const Folder f;
    const auto with = [&](const std::string& more) {
        SmallModel m;
        m.more = ", " + more;
        return f.with_config(m.config());
    };
    for (const std::string key :
         {"\"use_mrope\": false", "\"is_llama_config\": true", "\"rope_interleaved\": false",
          "\"transformers.js_config\": {\"dtype\": \"q4\"}", "\"partial_rotary_factor\": 1.0",
          "\"layer_types\": [\"full_attention\", \"full_attention\"]", "\"num_labels\": 2",
          "\"model_max_length\": 4096", "\"use_sliding_window\": false, \"max_window_layers\": 9",
          "\"use_sliding_window\": false, \"sliding_window\": 8", "\"_from_model_config\": true",
          "\"is_causal\": true"}) {
        CAPTURE(key);
        CHECK(with(key).empty());
    }
    for (const std::string key :
         {"\"use_mrope\": true", "\"partial_rotary_factor\": 0.5", "\"is_causal\": false",
          "\"layer_types\": [\"full_attention\", \"sliding_attention\"]",
          "\"use_sliding_window\": true", "\"sliding_window\": 8", "\"qk_norm\": true",
          "\"final_logit_softcapping\": 30.0", "\"some_future_key\": false"}) {
        CAPTURE(key);
        CHECK(contains(with(key), key.substr(1, key.find('"', 1) - 1)));
    }
}

TEST_CASE("dropout that a config asks for is noted") {
    const auto of = [](const std::string& more) {
        SmallModel m;
        m.more = ", " + more;
        return parse_model_config(m.config(), "c").dropout;
    };
    CHECK(of("\"attention_dropout\": 0.0").empty());
    CHECK(of("\"attention_dropout\": 0.1, \"classifier_dropout\": 0.2") ==
          std::vector<std::string>{"attention_dropout 0.1"});
}

TEST_CASE("a config that ties the head to the embedding, and files with a head all the same") {
    Folder f;
    f.m.tied = true;
    test::write_checkpoint(f.path, f.m, f.weights);
    const Weight& own = f.weights["lm_head.weight"];
    const TokenIds ids = {0, 7, 36};
    const auto head = [&](const Weight& want, bool tied) {
        const Transformer model(f.path);
        CHECK(model.config().tied == tied);
        const RowsF rows = model.head_rows(ids);
        for (Index i = 0; i < 3; ++i)
            for (Index c = 0; c < f.m.hidden; ++c)
                CHECK(rows(i, c) == static_cast<float>(want(ids[static_cast<std::size_t>(i)], c)));
    };
    head(own, false);
    test::Weights copy = f.weights;
    copy["lm_head.weight"] = copy["model.embed_tokens.weight"];
    test::write_checkpoint(f.path, f.m, copy);
    head(copy["lm_head.weight"], true);
    test::Weights alone = f.weights;
    alone.erase("model.embed_tokens.weight");
    test::write_checkpoint(f.path, f.m, alone);
    head(own, true);
    alone["lm_head.weight"] = test::random_weight({3, 5}, 0.0, 1.0, 1);
    CHECK(contains(f.with_weights(alone), "lm_head.weight has shape [3, 5]"));
}

TEST_CASE("an index that leads out of the folder, or to nothing") {
    const Folder f;
    std::filesystem::remove(f / "model.safetensors");
    CHECK(contains(f.refusal(), "has neither model.safetensors"));
    const std::string index = test::write_shards(f.path, f.m, f.weights);
    CHECK(f.refusal().empty());
    const auto with = [&](const std::string& text) {
        test::write_bytes(f / "model.safetensors.index.json", text);
        return f.refusal();
    };
    for (const std::string name : {"../part-0.safetensors", "/etc/passwd", "..", "", "a/b"}) {
        CAPTURE(name);
        CHECK(contains(with(replaced(index, "part-0.safetensors", name)), "no plain name"));
    }
    CHECK(contains(with(replaced(index, "part-0.safetensors", "absent")), "absent"));
    CHECK(contains(with(replaced(index, "part-0.safetensors", "part-1.safetensors")), "is not in"));
    CHECK(contains(with("{\"weight_map\":{}}"), "has no object 'weight_map'"));
    CHECK(contains(with("{\"weight_map\":{\"a\":3}}"), "lies in 3"));
    with(index);
    std::filesystem::rename(f / "part-0.safetensors", f.dir / "elsewhere");
    std::filesystem::create_symlink(f.dir / "elsewhere", f / "part-0.safetensors");
    CHECK(f.refusal().empty());
    std::filesystem::rename(f.dir / "elsewhere", f.dir / "gone");
    CHECK(contains(f.refusal(), "elsewhere, which is not there"));
    test::write_bytes(f.dir / "elsewhere", "version https://git-lfs.github.com/spec/v1\noid 1\n");
    CHECK(contains(f.refusal(), "is a git-lfs pointer"));
}

TEST_CASE("the links of the hub's cache are followed") {
    const Folder f;
    const std::string blobs = f.dir / "blobs", snapshot = f.dir / "snapshots/revision";
    std::filesystem::create_directories(blobs);
    std::filesystem::create_directories(snapshot);
    for (const std::string name : {"config.json", "model.safetensors"}) {
        std::filesystem::rename(f / name, blobs + "/" + name);
        std::filesystem::create_symlink("../../blobs/" + name, snapshot + "/" + name);
    }
    CHECK(test::input_error([&] { Transformer model(snapshot); }).empty());
}
