#include "experiments/random_checkpoint.hpp"

#include <bit>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/error.hpp"
#include "sim/stream.hpp"

namespace prefdyn {

namespace {

using nlohmann::json;
using transformer::Index;
using transformer::ModelConfig;

struct Entry {
    std::string name;
    std::vector<Index> shape;  ///< a vector is a norm: all ones
};

std::vector<Entry> entries(const ModelConfig& c) {
    const Index q = c.heads * c.head_size, kv = c.kv_heads * c.head_size;
    std::vector<Entry> out = {{"model.embed_tokens.weight", {c.vocabulary, c.hidden}},
                              {"model.norm.weight", {c.hidden}}};
    for (Index i = 0; i < c.layers; ++i) {
        const std::string at = "model.layers." + std::to_string(i) + ".";
        out.push_back({at + "input_layernorm.weight", {c.hidden}});
        out.push_back({at + "post_attention_layernorm.weight", {c.hidden}});
        out.push_back({at + "self_attn.q_proj.weight", {q, c.hidden}});
        out.push_back({at + "self_attn.k_proj.weight", {kv, c.hidden}});
        out.push_back({at + "self_attn.v_proj.weight", {kv, c.hidden}});
        out.push_back({at + "self_attn.o_proj.weight", {c.hidden, q}});
        out.push_back({at + "mlp.gate_proj.weight", {c.ffn, c.hidden}});
        out.push_back({at + "mlp.up_proj.weight", {c.ffn, c.hidden}});
        out.push_back({at + "mlp.down_proj.weight", {c.hidden, c.ffn}});
    }
    return out;
}

Index elements(const Entry& entry) {
    Index product = 1;
    for (const Index extent : entry.shape) product *= extent;
    return product;
}

std::uint16_t bfloat(float value) {
    return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
}

/// Uniform with variance 1 / columns; a vector is all ones.
std::vector<std::uint16_t> draw(const Entry& entry, Stream& stream) {
    std::vector<std::uint16_t> out(static_cast<std::size_t>(elements(entry)), bfloat(1.0f));
    if (entry.shape.size() == 1) return out;
    const double half = std::sqrt(3.0 / static_cast<double>(entry.shape[1]));
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        bits = i % 4 == 0 ? stream() : bits >> 16;
        const double unit = static_cast<double>(bits & 0xffffu) / 32768.0 - 1.0;
        out[i] = bfloat(static_cast<float>(half * unit));
    }
    return out;
}

json config_of(const ModelConfig& c) {
    return {{"architectures", {"LlamaForCausalLM"}},
            {"hidden_size", c.hidden},
            {"intermediate_size", c.ffn},
            {"num_hidden_layers", c.layers},
            {"num_attention_heads", c.heads},
            {"num_key_value_heads", c.kv_heads},
            {"head_dim", c.head_size},
            {"vocab_size", c.vocabulary},
            {"max_position_embeddings", c.context},
            {"rms_norm_eps", c.norm_epsilon},
            {"tie_word_embeddings", true}};
}

json header_of(const std::vector<Entry>& all) {
    json header;
    Index at = 0;
    for (const Entry& entry : all) {
        const Index end = at + 2 * elements(entry);
        header[entry.name] = {
            {"dtype", "BF16"}, {"shape", entry.shape}, {"data_offsets", {at, end}}};
        at = end;
    }
    return header;
}

}  // namespace

void write_random_llama(const std::string& folder, const ModelConfig& extents, std::uint64_t seed) {
    std::ofstream(folder + "/config.json") << config_of(extents);
    std::ofstream out(folder + "/model.safetensors", std::ios::binary);
    const std::vector<Entry> all = entries(extents);
    const std::string header = header_of(all).dump();
    const std::uint64_t length = header.size();
    out.write(reinterpret_cast<const char*>(&length), sizeof length);
    out << header;
    Stream stream(seed, Purpose::kEmbedding);
    for (const Entry& entry : all) {
        const std::vector<std::uint16_t> values = draw(entry, stream);
        out.write(reinterpret_cast<const char*>(values.data()),
                  static_cast<std::streamsize>(values.size() * sizeof values[0]));
    }
    if (!out.flush()) throw InputError(folder + "/model.safetensors: cannot be written");
}

}  // namespace prefdyn
