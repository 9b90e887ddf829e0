#include "bench/random_checkpoint.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/stream.hpp"

namespace prefdyn::bench {

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

constexpr Index kBlock = Index{1} << 22;  ///< values a thread draws and writes at a time

/// Values [first, first + count) of an entry, which lie at byte `at` of the file.
struct Block {
    const Entry* entry;
    Index count;
    std::uint64_t at;
};

/// Uniform with variance 1 / columns; a vector is all ones.
std::vector<std::uint16_t> draw(const Block& block, Stream stream) {
    const std::vector<Index>& shape = block.entry->shape;
    std::vector<std::uint16_t> out(static_cast<std::size_t>(block.count), bfloat(1.0f));
    if (shape.size() == 1) return out;
    const auto step = static_cast<float>(std::sqrt(3.0 / static_cast<double>(shape[1])) / 32768.0);
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        bits = i % 4 == 0 ? stream() : bits >> 16;
        out[i] = bfloat(step * static_cast<float>(static_cast<int>(bits & 0xffffu) - 32768));
    }
    return out;
}

std::vector<Block> blocks_of(const std::vector<Entry>& all, std::uint64_t at) {
    std::vector<Block> out;
    for (const Entry& entry : all)
        for (Index first = 0; first < elements(entry); first += kBlock) {
            const Index count = std::min(kBlock, elements(entry) - first);
            out.push_back({&entry, count, at});
            at += 2 * static_cast<std::uint64_t>(count);
        }
    return out;
}

json config_of(const ModelConfig& c) {
    return {{"architectures", {"LlamaForCausalLM"}},
            {"model_type", "llama"},
            {"hidden_size", c.hidden},
            {"intermediate_size", c.ffn},
            {"num_hidden_layers", c.layers},
            {"num_attention_heads", c.heads},
            {"num_key_value_heads", c.kv_heads},
            {"head_dim", c.head_size},
            {"vocab_size", c.vocabulary},
            {"max_position_embeddings", c.context},
            {"rms_norm_eps", c.norm.epsilon},
            {"tie_word_embeddings", true}};
}

json header_of(const std::vector<Entry>& all) {
    json header = {{"__metadata__", {{"format", "pt"}}}};  // transformers asks for it
    Index at = 0;
    for (const Entry& entry : all) {
        const Index end = at + 2 * elements(entry);
        header[entry.name] = {
            {"dtype", "BF16"}, {"shape", entry.shape}, {"data_offsets", {at, end}}};
        at = end;
    }
    return header;
}

/// Writes at a place of a file that exists; false if not all of it could be written.
bool write_at(const std::string& path, const void* data, std::size_t bytes, std::uint64_t at) {
    std::ofstream file(path, std::ios::binary | std::ios::in);  // `in` keeps what is there
    file.seekp(static_cast<std::streamoff>(at));
    file.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
    file.close();
    return !file.fail();
}

void require_space(const std::string& folder, const ModelConfig& extents) {
    const auto wanted = 2 * static_cast<std::uintmax_t>(extents.parameters());
    const auto free = std::filesystem::space(folder).available;
    if (free < wanted)
        throw InputError(folder + ": a model of " + std::to_string(wanted >> 20) +
                             " MiB does not fit, " + std::to_string(free >> 20) + " MiB are free",
                         "give --folder another place, or fewer --layers");
}

}  // namespace

void write_random_llama(const std::string& folder, const ModelConfig& extents, std::uint64_t seed) {
    require_space(folder, extents);
    std::ofstream(folder + "/config.json") << config_of(extents);
    const std::string path = folder + "/model.safetensors";
    std::ofstream(path).close();
    const std::vector<Entry> all = entries(extents);
    const std::string header = header_of(all).dump();
    const std::uint64_t length = header.size();
    bool written = write_at(path, &length, sizeof length, 0) &&
                   write_at(path, header.data(), header.size(), sizeof length);
    const std::vector<Block> blocks = blocks_of(all, sizeof length + length);
#pragma omp parallel for schedule(dynamic, 1) reduction(&& : written)
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        if (cancel_requested()) continue;
        const auto values = draw(blocks[b], Stream(seed, Purpose::kEmbedding, b));
        written = written && write_at(path, values.data(), values.size() * 2, blocks[b].at);
    }
    stop_if_requested();
    if (!written) throw WriteError(path + ": cannot be written", "is the disk full?");
}

}  // namespace prefdyn::bench
