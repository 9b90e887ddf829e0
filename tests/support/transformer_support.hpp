#pragma once
// Writes small checkpoints in Hugging Face layout, the broken ones included.

#include <bit>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/npy_support.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

/// A weight as the twin reads it: (rows, columns), one column for vectors.
struct Weight {
    std::vector<Index> shape;
    std::vector<double> value;
    double operator()(Index i, Index j = 0) const {
        return value[static_cast<std::size_t>(i * (shape.size() > 1 ? shape[1] : 1) + j)];
    }
};
using Weights = std::map<std::string, Weight>;

/// Extents of a model and the keys of its config beyond them.
struct SmallModel {
    std::string architecture = "LlamaForCausalLM", more;
    Index hidden = 32, ffn = 44, layers = 2, heads = 4, kv_heads = 2, head_size = 8;
    Index vocabulary = 37, context = 64;
    double epsilon = 1e-5;
    bool tied = false, qkv_bias = false, output_bias = false, mlp_bias = false;

    std::string config() const {
        const auto n = [](Index i) { return std::to_string(i); };
        return "{\"architectures\": [\"" + architecture + "\"], \"hidden_size\": " + n(hidden) +
               ", \"intermediate_size\": " + n(ffn) + ", \"num_hidden_layers\": " + n(layers) +
               ", \"num_attention_heads\": " + n(heads) +
               ", \"num_key_value_heads\": " + n(kv_heads) + ", \"head_dim\": " + n(head_size) +
               ", \"vocab_size\": " + n(vocabulary) +
               ", \"max_position_embeddings\": " + n(context) +
               ", \"rms_norm_eps\": " + std::to_string(epsilon) +
               ", \"tie_word_embeddings\": " + (tied ? "true" : "false") + more + "}";
    }
};

/// Gaussian with standard deviation `scale` around `mean`, rounded to bfloat16, which all three
/// types hold exactly up to the range of a half.
inline Weight random_weight(std::vector<Index> shape, double mean, double scale,
                            std::uint64_t index) {
    Index count = 1;
    for (const Index extent : shape) count *= extent;
    const RowMatrix x = gaussian(1, count, index);
    Weight w{std::move(shape), {}};
    for (Index i = 0; i < count; ++i) {
        const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(mean + scale * x(i)));
        w.value.push_back(std::bit_cast<float>(bits & 0xfffe0000u));  // 6 bits of mantissa
    }
    return w;
}

inline Weights random_weights(const SmallModel& m, std::uint64_t index) {
    Weights w;
    index *= 1000;
    const Index q = m.heads * m.head_size, kv = m.kv_heads * m.head_size;
    const auto matrix = [&](const std::string& name, Index out, Index in) {
        w[name + ".weight"] =
            random_weight({out, in}, 0.0, 1.0 / std::sqrt(static_cast<double>(in)), ++index);
    };
    const auto vector = [&](const std::string& name, double mean, Index n) {
        w[name] = random_weight({n}, mean, 0.3, ++index);
    };
    w["model.embed_tokens.weight"] = random_weight({m.vocabulary, m.hidden}, 0.0, 1.0, ++index);
    vector("model.norm.weight", 1.0, m.hidden);
    if (!m.tied) matrix("lm_head", m.vocabulary, m.hidden);
    for (Index i = 0; i < m.layers; ++i) {
        const std::string at = "model.layers." + std::to_string(i) + ".";
        vector(at + "input_layernorm.weight", 1.0, m.hidden);
        vector(at + "post_attention_layernorm.weight", 1.0, m.hidden);
        matrix(at + "self_attn.q_proj", q, m.hidden);
        matrix(at + "self_attn.k_proj", kv, m.hidden);
        matrix(at + "self_attn.v_proj", kv, m.hidden);
        matrix(at + "self_attn.o_proj", m.hidden, q);
        matrix(at + "mlp.gate_proj", m.ffn, m.hidden);
        matrix(at + "mlp.up_proj", m.ffn, m.hidden);
        matrix(at + "mlp.down_proj", m.hidden, m.ffn);
        if (m.qkv_bias) {
            vector(at + "self_attn.q_proj.bias", 0.0, q);
            vector(at + "self_attn.k_proj.bias", 0.0, kv);
            vector(at + "self_attn.v_proj.bias", 0.0, kv);
        }
        if (m.output_bias) vector(at + "self_attn.o_proj.bias", 0.0, m.hidden);
        if (!m.mlp_bias) continue;
        vector(at + "mlp.gate_proj.bias", 0.0, m.ffn);
        vector(at + "mlp.up_proj.bias", 0.0, m.ffn);
        vector(at + "mlp.down_proj.bias", 0.0, m.hidden);
    }
    return w;
}

/// Exact for values with at most 8 (BF16) or 11 (F16, normal range) significant bits.
inline std::string encode(double value, const std::string& dtype) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
    if (dtype == "F32") return raw(std::vector<std::uint32_t>{bits});
    if (dtype == "BF16") return raw(std::vector{static_cast<std::uint16_t>(bits >> 16)});
    const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
    const double size = std::fabs(value);
    const int exponent = size == 0.0 ? -14 : std::max(-14, std::ilogb(size));
    const auto scaled = static_cast<std::uint32_t>(std::ldexp(size, 10 - exponent));
    const auto half = (static_cast<std::uint32_t>(exponent + 14) << 10) + scaled;
    return raw(std::vector{static_cast<std::uint16_t>(half | sign)});
}

inline std::string length_prefix(std::uint64_t length) { return raw(std::vector{length}); }

inline std::string safetensors(const std::string& header, const std::string& data) {
    return length_prefix(header.size()) + header + data;
}

inline std::string shape_json(const std::vector<Index>& shape) {
    std::string text = "[";
    for (const Index extent : shape) {
        if (text.size() > 1) text += ',';
        text += std::to_string(extent);
    }
    return text + "]";
}

inline std::string safetensors(const Weights& weights, const std::string& dtype) {
    std::string header = "{\"__metadata__\":{\"format\":\"pt\"}", data;
    for (const auto& [name, w] : weights) {
        const std::size_t begin = data.size();
        for (const double value : w.value) data += encode(value, dtype);
        header += ",\"" + name + "\":{\"dtype\":\"" + dtype +
                  "\",\"shape\":" + shape_json(w.shape) + ",\"data_offsets\":[" +
                  std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
    }
    return safetensors(header + "}", data);
}

inline void write_checkpoint(const std::string& folder, const SmallModel& model,
                             const Weights& weights, const std::string& dtype = "F32") {
    std::filesystem::create_directories(folder);
    write_bytes(folder + "/config.json", model.config());
    write_bytes(folder + "/model.safetensors", safetensors(weights, dtype));
}

/// The same weights in two files and an index; returns the index.
inline std::string write_shards(const std::string& folder, const SmallModel& model,
                                const Weights& weights) {
    std::filesystem::create_directories(folder);
    write_bytes(folder + "/config.json", model.config());
    Weights part[2];
    std::string index;
    for (const auto& [name, w] : weights) {
        const std::size_t which = part[0].size() > weights.size() / 2;
        part[which][name] = w;
        if (!index.empty()) index += ',';
        index += '"';
        index += name + "\":\"part-" + std::to_string(which) + ".safetensors\"";
    }
    for (int k = 0; k < 2; ++k)
        write_bytes(folder + "/part-" + std::to_string(k) + ".safetensors",
                    safetensors(part[k], "F32"));
    index.insert(0, "{\"metadata\":{\"total_size\":1},\"weight_map\":{");
    index += "}}";
    write_bytes(folder + "/model.safetensors.index.json", index);
    return index;
}

}  // namespace prefdyn::test
