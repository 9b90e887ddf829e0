#include "sim/lm/model/architectures.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/failure.hpp"
#include "sim/lm/text/json_input.hpp"

namespace prefdyn::transformer {

namespace {

using nlohmann::json;

constexpr Index kMostWide = Index{1} << 20, kMostLayers = 1000, kMostVocabulary = Index{1} << 24;
constexpr Index kMostWindow = Index{1} << 31;

/// What most families share; the values of keys that are missing.
struct Defaults {
    Index hidden = 0, ffn = 0, layers = 0, heads = 0, vocabulary = 0;  ///< 0: must be said
    Index kv_heads = 0;                                                ///< 0: as many as heads
    Index head_size = 0;                                               ///< 0: hidden / heads
    Index context = 2048;
    double epsilon = 1e-6;
    bool tied = false;
    RopeKeys rope = {};
};

void read_kv_heads(ConfigReader& read, const Defaults& defaults, ModelConfig& c) {
    const Index fallback =
        defaults.kv_heads == 0 || read.has("num_key_value_heads") ? c.heads : defaults.kv_heads;
    c.kv_heads = read.integer("num_key_value_heads", kMostWide, fallback);
    if (c.heads % c.kv_heads != 0)
        read.refuse("num_key_value_heads",
                    "a divisor of 'num_attention_heads' " + std::to_string(c.heads));
}

void read_head_size(ConfigReader& read, const Defaults& defaults, ModelConfig& c) {
    if (!read.find("head_dim") && defaults.head_size == 0 && c.hidden % c.heads != 0)
        read.refuse("num_attention_heads",
                    "a divisor of 'hidden_size' " + std::to_string(c.hidden));
    c.head_size = read.integer("head_dim", 4096,
                               defaults.head_size > 0 ? defaults.head_size : c.hidden / c.heads);
}

/// The columns that are rotated come in pairs, and scaled frequencies one for each pair.
void require_pairs(ConfigReader& read, const ModelConfig& c) {
    for (const RopeSpec& rope : c.ropes) {
        const Index columns = rope.columns(c.head_size);
        if (columns < 2 || columns % 2 != 0)
            read.refuse(
                read.find("head_dim") ? "head_dim" : "num_attention_heads",
                rope.share < 1.0
                    ? "one that makes the rotated part of a head even, it is " +
                          std::to_string(columns)
                    : "one that makes the head size even, it is " + std::to_string(columns));
        if (rope.kind != RopeKind::kLongrope) continue;
        const auto pairs = static_cast<std::size_t>(columns / 2);
        if (rope.short_factor.size() != pairs || rope.long_factor.size() != pairs)
            throw InputError(read.place() + ", rope scaling: 'short_factor' has " +
                             std::to_string(rope.short_factor.size()) + " and 'long_factor' " +
                             std::to_string(rope.long_factor.size()) + " numbers, wanted are " +
                             std::to_string(pairs) + ", one for each rotated pair of a head");
    }
}

Activation read_activation(ConfigReader& read, const std::string& key, const char* fallback) {
    const json* value = read.find(key);
    const json name = value ? *value : json(fallback);
    if (name == "silu" || name == "swish") return Activation::kSilu;
    if (name == "gelu") return Activation::kGelu;
    if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast")
        return Activation::kGeluTanh;
    if (name == "relu") return Activation::kRelu;
    read.refuse(key, "silu, gelu, gelu_new, gelu_pytorch_tanh or relu",
                "other activations are not run");
}

void read_extents(ConfigReader& read, ModelConfig& c, const Defaults& defaults) {
    const auto extent = [&](const char* key, Index most, Index fallback) {
        return fallback > 0 ? read.integer(key, most, fallback) : read.integer(key, most);
    };
    c.hidden = extent("hidden_size", kMostWide, defaults.hidden);
    c.ffn = extent("intermediate_size", kMostWide, defaults.ffn);
    c.layers = extent("num_hidden_layers", kMostLayers, defaults.layers);
    c.vocabulary = extent("vocab_size", kMostVocabulary, defaults.vocabulary);
    c.context = read.integer("max_position_embeddings", kMostVocabulary, defaults.context);
    c.heads = extent("num_attention_heads", kMostWide, defaults.heads);
    c.window.assign(static_cast<std::size_t>(c.layers), 0);
}

/// Extents, RMS norms, one rotation and a SwiGLU feed-forward layer.
void read_common(ConfigReader& read, ModelConfig& c, const Defaults& defaults) {
    read_extents(read, c, defaults);
    read_kv_heads(read, defaults, c);
    read_head_size(read, defaults, c);
    c.norm.epsilon = read.number("rms_norm_eps", 1.0, defaults.epsilon);
    c.tied = read.flag("tie_word_embeddings", defaults.tied);
    c.activation = read_activation(read, "hidden_act", "silu");
    c.ropes = {parse_rope(read.object(), read.place(), defaults.rope)};
    require_pairs(read, c);
}

void read_attention_bias(ConfigReader& read, ModelConfig& c, bool fallback = false) {
    c.qkv_bias = c.output_bias = read.flag("attention_bias", fallback);
}

/// 'layer_types' of this many layers; `other` where it is missing.
std::vector<bool> slides(ConfigReader& read, Index layers, std::vector<bool> other) {
    const json* types = read.find("layer_types");
    if (!types) return other;
    if (!types->is_array() || types->size() != static_cast<std::size_t>(layers))
        read.refuse("layer_types", "a list of one name a layer");
    for (std::size_t i = 0; i < other.size(); ++i) {
        other[i] = (*types)[i] == "sliding_attention";
        if (!other[i] && (*types)[i] != "full_attention")
            read.refuse("layer_types", "full_attention or sliding_attention");
    }
    return other;
}

Index read_window(ConfigReader& read, Index fallback) {
    return read.has("sliding_window") ? read.integer("sliding_window", kMostWindow, 0) : fallback;
}

/// Qwen: a window where 'use_sliding_window' says so and 'layer_types', or the layer's number.
void windows_by_layer(ConfigReader& read, ModelConfig& c, Index unsaid,
                      std::vector<bool> fallback) {
    const Index window = read_window(read, unsaid);
    const bool used = read.flag("use_sliding_window", false) && window > 0;
    const std::vector<bool> sliding = slides(read, c.layers, std::move(fallback));
    for (std::size_t i = 0; i < sliding.size(); ++i) {
        if (sliding[i] && !used && read.find("layer_types"))
            read.refuse("layer_types", "full_attention, as no sliding window is in use");
        if (used && sliding[i]) c.window[i] = window;
    }
}

std::vector<bool> from_layer(ConfigReader& read, Index layers) {
    const json* from = read.find("max_window_layers");
    if (from && !from->is_number_unsigned()) read.refuse("max_window_layers", "an integer >= 0");
    const std::uint64_t first = from ? from->get<std::uint64_t>() : 28;
    std::vector<bool> out;
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(layers); ++i)
        out.push_back(i >= first);
    return out;
}

/// One window in all layers, or none: keys about windows by layer must say the same.
void same_window(ConfigReader& read, ModelConfig& c, Index window) {
    if (const json* types = read.find("layer_types")) {
        const json same = window == 0 ? "full_attention" : "sliding_attention";
        if (!types->is_array() || std::count(types->begin(), types->end(), same) !=
                                      static_cast<std::ptrdiff_t>(types->size()))
            read.refuse("layer_types", "a list of " + text::shown(same));
    }
    if (read.flag("use_sliding_window", window > 0) != (window > 0))
        read.refuse("use_sliding_window", window > 0 ? "true or absent" : "false");
    if (read.has("use_sliding_window") && window == 0) read.skip("sliding_window");
    read.skip("max_window_layers");
    c.window.assign(static_cast<std::size_t>(c.layers), window);
}

void read_llama(ConfigReader& read, ModelConfig& c) {
    read_common(read, c, {});
    read_attention_bias(read, c);
    c.mlp_bias = read.flag("mlp_bias", false);
    same_window(read, c, 0);
}

void read_mistral(ConfigReader& read, ModelConfig& c) {
    read_common(read, c,
                {.hidden = 4096,
                 .ffn = 14336,
                 .layers = 32,
                 .heads = 32,
                 .vocabulary = 32000,
                 .kv_heads = 8,
                 .context = 131072});
    same_window(read, c, read_window(read, 4096));
}

/// Queries are scaled by position beyond the original context: such prompts are refused.
void read_ministral3(ConfigReader& read, ModelConfig& c) {
    Defaults defaults{.hidden = 4096,
                      .ffn = 14336,
                      .layers = 34,
                      .heads = 32,
                      .vocabulary = 131072,
                      .kv_heads = 8,
                      .head_size = 128,
                      .context = 262144,
                      .epsilon = 1e-5};
    defaults.rope.ignored = {"llama_4_scaling_beta", "max_position_embeddings"};
    read_common(read, c, defaults);
    if (c.ropes[0].kind != RopeKind::kYarn)
        throw InputError(read.place() + ": rope scaling is not of type yarn");
    c.context = std::min(c.context, static_cast<Index>(c.ropes[0].original_context));
    same_window(read, c, read_window(read, 0));
}

void read_qwen2(ConfigReader& read, ModelConfig& c) {
    read_common(read, c, {.kv_heads = 32, .context = 32768});
    c.qkv_bias = true;
    windows_by_layer(read, c, 4096, from_layer(read, c.layers));
}

void read_qwen3(ConfigReader& read, ModelConfig& c) {
    read_common(read, c, {.kv_heads = 32, .head_size = 128, .context = 32768});
    read_attention_bias(read, c);
    c.query_key_norm = QueryKeyNorm::kHead;
    windows_by_layer(read, c, 4096, from_layer(read, c.layers));
}

void read_olmo2(ConfigReader& read, ModelConfig& c) {
    read_common(read, c, {.epsilon = 1e-5});
    read_attention_bias(read, c);
    c.naming = Naming::kOlmo2;
    c.norms_before = false;
    c.norms_after = true;
    c.query_key_norm = QueryKeyNorm::kAll;
    same_window(read, c, 0);
}

/// Layers that rotate, 1 in 'no_rope_layers'.
std::vector<bool> rotating(ConfigReader& read, Index layers) {
    const Index interval = read.integer("no_rope_layer_interval", kMostLayers, 4);
    const json* list = read.find("no_rope_layers");
    if (list && (!list->is_array() || list->size() < static_cast<std::size_t>(layers)))
        read.refuse("no_rope_layers", "a list of 0 or 1 for each layer");
    std::vector<bool> out;
    for (Index i = 0; i < layers; ++i) {
        if (list && (*list)[static_cast<std::size_t>(i)] != 0 &&
            (*list)[static_cast<std::size_t>(i)] != 1)
            read.refuse("no_rope_layers", "a list of 0 or 1 for each layer");
        out.push_back(list ? (*list)[static_cast<std::size_t>(i)] == 1 : (i + 1) % interval != 0);
    }
    return out;
}

void read_smollm3(ConfigReader& read, ModelConfig& c) {
    Defaults defaults{.kv_heads = 4, .context = 32768, .tied = true};
    defaults.rope.default_theta = 2e6;
    read_common(read, c, defaults);
    read_attention_bias(read, c);
    c.mlp_bias = read.flag("mlp_bias", false);
    std::vector<bool> plain;
    for (const bool rotates : rotating(read, c.layers)) {
        c.rope_of_layer.push_back(rotates ? 0 : -1);
        plain.push_back(!rotates);
    }
    read.skip("max_window_layers");
    windows_by_layer(read, c, 0, plain);
}

void read_phi3(ConfigReader& read, ModelConfig& c) {
    Defaults defaults{.context = 4096, .epsilon = 1e-5};
    defaults.rope.share = "partial_rotary_factor";
    defaults.rope.all_scaling_is_longrope = true;
    read.skip("partial_rotary_factor");
    read.skip("original_max_position_embeddings");
    read_common(read, c, defaults);
    c.qkv = Qkv::kStacked;
    c.fused_gate_up = true;
    same_window(read, c, read_window(read, 0));
}

void read_granite(ConfigReader& read, ModelConfig& c) {
    read_common(read, c, {});
    read_attention_bias(read, c);
    c.mlp_bias = read.flag("mlp_bias", false);
    c.embedding_scale = read.positive("embedding_multiplier", 1.0);
    c.residual_scale = read.positive("residual_multiplier", 1.0);
    c.attention_scale = read.positive("attention_multiplier", 1.0);
    c.logit_scale = 1.0 / read.positive("logits_scaling", 1.0);
    same_window(read, c, 0);
}

void read_gemma(ConfigReader& read, ModelConfig& c, double score_cap, double logit_cap) {
    c.naming = Naming::kGemma;
    c.norms_after = true;
    c.norm.offset = 1.0;
    c.activation = read_activation(read, "hidden_activation", "gelu_pytorch_tanh");
    read_attention_bias(read, c);
    c.embedding_scale = static_cast<float>(std::sqrt(static_cast<double>(c.hidden)));
    c.attention_scale = 1.0 / std::sqrt(read.positive("query_pre_attn_scalar", 256.0));
    const auto cap = [&](const char* key, double fallback) {
        return read.has(key) ? read.number(key, 1e6, 0.0) : fallback;
    };
    c.attention_cap = cap("attn_logit_softcapping", score_cap);
    c.logit_cap = cap("final_logit_softcapping", logit_cap);
}

std::vector<bool> all_but_every(Index layers, Index interval) {
    std::vector<bool> out;
    for (Index i = 0; i < layers; ++i) out.push_back((i + 1) % interval != 0);
    return out;
}

void read_gemma2(ConfigReader& read, ModelConfig& c) {
    read_common(read, c, {.kv_heads = 4, .head_size = 256, .context = 8192, .tied = true});
    read_gemma(read, c, 50.0, 30.0);
    const std::vector<bool> sliding = slides(read, c.layers, all_but_every(c.layers, 2));
    const Index window = read_window(read, 4096);
    if (read.integer("sliding_window_size", kMostWindow, window) != window)
        read.refuse("sliding_window_size", "that of 'sliding_window', " + std::to_string(window));
    for (std::size_t i = 0; i < sliding.size(); ++i)
        if (sliding[i]) c.window[i] = window;
}

/// The config as one with a single rotation, that of the layers of this type.
json with_rope_of(const json& config, const char* type, const char* old_theta, double theta) {
    json out = config;
    const auto by_type = config.find("rope_parameters");
    const bool nested = by_type != config.end() && by_type->is_object() && by_type->contains(type);
    const bool full = std::string(type) == "full_attention";
    out.erase("rope_theta");
    out.erase("rope_parameters");
    if (!full) out.erase("rope_scaling");
    if (nested) out["rope_parameters"] = by_type->at(type);
    const auto old = config.find(old_theta);
    const bool said = nested && out["rope_parameters"].is_object() &&
                      out["rope_parameters"].contains("rope_theta");
    if (!said) out["rope_theta"] = old == config.end() || old->is_null() ? json(theta) : *old;
    return out;
}

void read_gemma3(ConfigReader& read, ModelConfig& c) {
    if (const json* rope = read.find("rope_parameters"))
        for (const auto& item : rope->items())
            if (item.key() != "full_attention" && item.key() != "sliding_attention")
                read.refuse("rope_parameters", "an object of full_attention and sliding_attention");
    const Defaults defaults{.hidden = 2304,
                            .ffn = 9216,
                            .layers = 26,
                            .heads = 8,
                            .vocabulary = 262208,
                            .kv_heads = 4,
                            .head_size = 256,
                            .context = 131072};
    read_extents(read, c, defaults);
    read_kv_heads(read, defaults, c);
    read_head_size(read, defaults, c);
    c.norm.epsilon = read.number("rms_norm_eps", 1.0, 1e-6);
    c.tied = read.flag("tie_word_embeddings", true);
    read_gemma(read, c, 0.0, 0.0);
    read.skip("hidden_act");
    c.query_key_norm = QueryKeyNorm::kHead;
    read.skip("rope_local_base_freq");
    c.ropes = {
        parse_rope(with_rope_of(read.object(), "full_attention", "rope_theta", 1e6), read.place()),
        parse_rope(with_rope_of(read.object(), "sliding_attention", "rope_local_base_freq", 1e4),
                   read.place())};
    require_pairs(read, c);
    read.skip("_sliding_window_pattern");  // as written beside 'layer_types', which decide
    const Index pattern = read.integer("sliding_window_pattern", kMostLayers, 6);
    const std::vector<bool> sliding = slides(read, c.layers, all_but_every(c.layers, pattern));
    const Index window = read_window(read, 4096);
    for (std::size_t i = 0; i < sliding.size(); ++i) {
        c.rope_of_layer.push_back(sliding[i] ? 1 : 0);
        if (sliding[i]) c.window[i] = window;
    }
}

/// Every norm a LayerNorm, every projection with a bias, no gate.
void classic(ModelConfig& c) {
    c.norm.kind = NormKind::kLayer;
    c.gated = false;
    c.qkv_bias = c.output_bias = c.mlp_bias = true;
    c.kv_heads = c.heads;
}

void read_neox(ConfigReader& read, ModelConfig& c) {
    read_extents(read, c, {});
    classic(c);
    read_head_size(read, {}, c);
    c.naming = Naming::kNeox;
    c.qkv = Qkv::kByHead;
    c.norm.epsilon = read.number("layer_norm_eps", 1.0, 1e-5);
    c.tied = read.flag("tie_word_embeddings", false);
    c.activation = read_activation(read, "hidden_act", "gelu");
    c.parallel = read.flag("use_parallel_residual", true);
    read_attention_bias(read, c, true);
    read.skip("rotary_emb_base");
    read.skip("rotary_pct");
    RopeKeys keys{.theta = "rotary_emb_base", .share = "rotary_pct"};
    keys.default_share = 0.25;
    c.ropes = {parse_rope(read.object(), read.place(), keys)};
    require_pairs(read, c);
}

void read_gpt2(ConfigReader& read, ModelConfig& c) {
    c.hidden = read.integer("n_embd", kMostWide);
    c.layers = read.integer("n_layer", kMostLayers);
    c.heads = read.integer("n_head", kMostWide);
    c.vocabulary = read.integer("vocab_size", kMostVocabulary);
    c.context = read.integer("n_positions", kMostVocabulary, 1024);
    c.ffn = read.integer("n_inner", kMostWide, 4 * c.hidden);
    c.window.assign(static_cast<std::size_t>(c.layers), 0);
    if (c.hidden % c.heads != 0)
        read.refuse("n_head", "a divisor of 'n_embd' " + std::to_string(c.hidden));
    c.head_size = c.hidden / c.heads;
    classic(c);
    c.naming = Naming::kGpt2;
    c.transposed = true;
    c.qkv = Qkv::kStacked;
    c.norm.epsilon = read.number("layer_norm_epsilon", 1.0, 1e-5);
    c.tied = read.flag("tie_word_embeddings", true);
    c.activation = read_activation(read, "activation_function", "gelu_new");
    c.learned_positions = true;
    c.ropes.clear();
    c.rope_of_layer.assign(static_cast<std::size_t>(c.layers), -1);
}

void read_gemma3_with_images(ConfigReader& read, ModelConfig& c);
void read_mistral3_with_images(ConfigReader& read, ModelConfig& c);

constexpr Architecture kArchitectures[] = {
    {"LlamaForCausalLM", "llama", "Llama 2 and 3, SmolLM2, TinyStories", "", read_llama},
    {"MistralForCausalLM", "mistral", "Mistral 7B", "a sliding window in every layer",
     read_mistral},
    {"Ministral3ForCausalLM", "ministral3", "Ministral 3 (text)",
     "yarn; prompts within the context before it was stretched", read_ministral3},
    {"Qwen2ForCausalLM", "qwen2", "Qwen 2 and 2.5, R1-distilled Qwen",
     "biases of q, k and v; windows from a layer on", read_qwen2},
    {"Qwen3ForCausalLM", "qwen3", "Qwen 3", "norms of the queries and keys of each head; windows",
     read_qwen3},
    {"Olmo2ForCausalLM", "olmo2", "OLMo 2",
     "norms after attention and feed-forward instead of before; norms of all queries and of all "
     "keys",
     read_olmo2},
    {"SmolLM3ForCausalLM", "smollm3", "SmolLM3", "layers without rotation", read_smollm3},
    {"Phi3ForCausalLM", "phi3", "Phi-3, Phi-3.5, Phi-4",
     "q, k, v in one weight, gate and up in one; rotation of a part of each head; longrope; a "
     "window",
     read_phi3},
    {"GraniteForCausalLM", "granite", "Granite 3",
     "multipliers of embedding, attention, residual stream and logits", read_granite},
    {"Gemma2ForCausalLM", "gemma2", "Gemma 2",
     "norms before and after, weights 1 + w; scaled embedding; GeGLU; capped scores and logits; "
     "windows in every other layer",
     read_gemma2},
    {"Gemma3ForCausalLM", "gemma3_text", "Gemma 3 (text)",
     "as Gemma 2 without caps; norms of queries and keys; one rotation for layers with a window "
     "and "
     "one for those without",
     read_gemma3},
    {"GPTNeoXForCausalLM", "gpt_neox", "Pythia, GPT-NeoX",
     "LayerNorm; every bias; q, k, v by head in one weight; attention and feed-forward in "
     "parallel; "
     "GELU without a gate; rotation of a part of each head",
     read_neox},
    {"GPT2LMHeadModel", "gpt2", "GPT-2",
     "LayerNorm; every bias; q, k, v in one weight; GELU without a gate; learned positions; "
     "weights "
     "lie transposed",
     read_gpt2},
    {"Gemma3ForConditionalGeneration", "gemma3", "Gemma 3 that reads images, its text part",
     "as Gemma3ForCausalLM", read_gemma3_with_images},
    {"Mistral3ForConditionalGeneration", "mistral3",
     "Mistral Small 3.1 and 3.2, Ministral 3, their text part",
     "as MistralForCausalLM or Ministral3ForCausalLM", read_mistral3_with_images},
};

/// `text_config` as one of these models, named by model_type, the first where it is not said. The
/// outer config alone says whether the head is tied.
void read_text_part(ConfigReader& read, ModelConfig& c, std::initializer_list<const char*> types,
                    Index image_token) {
    const json* part = read.find(kTextConfig);
    if (!part || !part->is_object()) read.refuse(kTextConfig, "an object");
    const std::string place = read.place() + ", " + kTextConfig;
    ConfigReader inner(*part, place);
    const json* type = inner.find("model_type");
    const json name = type ? *type : json(*types.begin());
    if (std::find(types.begin(), types.end(), name) == types.end())
        inner.refuse("model_type", text::shown(json(types)), "other text parts are not run");
    const auto kind =
        std::find_if(std::begin(kArchitectures), std::end(kArchitectures),
                     [&](const Architecture& each) { return name == each.model_type; });
    inner.skip("architectures");
    kind->read(inner, c);
    inner.require_all_known();
    if (c.logit_cap > 0.0)
        inner.refuse("final_logit_softcapping", "null",
                     "models that read images do not cap their logits");
    c.architecture = kind->name;
    c.nested = true;
    c.tied = read.flag("tie_word_embeddings", true);
    c.image_token = image_token;
    for (const char* key : {"image_token_id", "image_token_index"})
        c.image_token = read.integer(key, kMostVocabulary, c.image_token);
    for (const char* key :
         {"vision_config", "projector_hidden_act", "spatial_merge_size", "vision_feature_layer",
          "multimodal_projector_bias", "mm_tokens_per_image", "boi_token_index", "eoi_token_index",
          "boi_token_id", "eoi_token_id"})
        read.skip(key);
}

void read_gemma3_with_images(ConfigReader& read, ModelConfig& c) {
    read_text_part(read, c, {"gemma3_text"}, 262144);
}

void read_mistral3_with_images(ConfigReader& read, ModelConfig& c) {
    read_text_part(read, c, {"mistral", "ministral3"}, 10);
}

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

}  // namespace prefdyn::transformer
