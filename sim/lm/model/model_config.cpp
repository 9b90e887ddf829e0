#include "sim/lm/model/model_config.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>

#include "sim/base/failure.hpp"
#include "sim/lm/text/json_input.hpp"

namespace prefdyn::transformer {

namespace {

using nlohmann::json;

/// One family: what a missing key means and which keys change the computation.
struct Architecture {
    const char* name;
    const char* model_type;
    bool qkv_bias;           ///< always there; otherwise 'attention_bias' says so
    bool bias_keys;          ///< reads 'attention_bias' and 'mlp_bias'
    Index default_kv_heads;  ///< 0: as many as heads
    Index default_window;    ///< of 'sliding_window', 0: none
    bool window_keys;        ///< reads 'sliding_window'
    bool window_by_layer;    ///< and 'use_sliding_window', 'max_window_layers', 'layer_types'
    Index default_context;
};

constexpr Architecture kArchitectures[] = {
    {"LlamaForCausalLM", "llama", false, true, 0, 0, false, false, 2048},
    {"MistralForCausalLM", "mistral", false, false, 8, 4096, true, false, 131072},
    {"Qwen2ForCausalLM", "qwen2", true, false, 32, 4096, true, true, 32768},
};

/// Keys that name, describe, initialise, train or generate, and leave the forward pass alone.
const std::set<std::string>& harmless_keys() {
    static const std::set<std::string> keys = [] {
        std::istringstream words(R"(
    _name_or_path _attn_implementation _attn_implementation_autoset _attn_implementation_internal
    attn_implementation _flash_attn_2_enabled _commit_hash _from_model_config attention_dropout
    attn_pdrop auto_map bad_words_ids begin_suppress_tokens bos_token bos_token_id
    chunk_size_feed_forward classifier_dropout decoder_start_token_id diversity_penalty do_sample
    dtype early_stopping embd_pdrop embedding_dropout encoder_no_repeat_ngram_size eos_token
    eos_token_id exponential_decay_length_penalty finetuning_task forced_bos_token_id
    forced_eos_token_id gradient_checkpointing hidden_dropout id2label initializer_range
    is_llama_config label2id length_penalty max_length max_sequence_length min_length
    model_max_length no_repeat_ngram_size num_beam_groups num_beams num_labels
    num_return_sequences output_attentions output_hidden_states output_scores pad_token
    pad_token_id prefix pretraining_tp problem_type remove_invalid_values reorder_and_upcast_attn
    repetition_penalty resid_pdrop residual_dropout return_dict return_dict_in_generate
    rope_parameters rope_scaling rope_theta sep_token_id seq_length summary_activation
    summary_first_dropout summary_proj_to_labels summary_type summary_use_proj suppress_tokens
    task_specific_params temperature tokenizer_class top_k top_p torch_dtype torchscript
    transformers.js_config transformers_version typical_p unk_token_id unsloth_fixed
    unsloth_version use_cache use_flash_attention use_flash_attn use_return_dict )");
        return std::set<std::string>(std::istream_iterator<std::string>(words), {});
    }();
    return keys;
}

/// Keys that change the model unless they hold one of these values, the neutral ones.
const json& neutral_values() {
    static const json values = json::parse(R"({
        "add_bias_linear": [false], "add_cross_attention": [false], "add_qkv_bias": [false],
        "alibi": [false], "attention_bias": [false], "attn_logit_softcapping": [0],
        "bias": [false], "causal": [true], "cross_attention_hidden_size": [false],
        "embedding_multiplier": [1], "final_logit_softcapping": [0], "is_causal": [true],
        "is_decoder": [false], "is_encoder_decoder": [false], "lm_head_bias": [false],
        "logit_scale": [1], "logits_scaling": [1], "mlp_bias": [false], "multi_query": [false],
        "num_experts": [0], "num_local_experts": [0], "num_nextn_predict_layers": [0],
        "parallel_attn": [false], "partial_rotary_factor": [1],
        "position_embedding_type": ["rope", "rotary"], "pruned_heads": [{}, []],
        "qk_layernorm": [false], "qk_norm": [false], "qkv_bias": [false],
        "quantization": [false, {}], "residual_multiplier": [1],
        "rms_norm_add_unit_offset": [false], "rope_interleave": [false],
        "rope_interleaved": [false], "rope_traditional": [false], "rotary_pct": [1],
        "scale_attn_by_inverse_layer_idx": [false], "scale_attn_weights": [true],
        "scale_emb": [1], "tie_encoder_decoder": [false], "use_alibi": [false],
        "use_bfloat16": [false], "use_bias": [false], "use_bidirectional_attention": [false],
        "use_dynamic_ntk": [false], "use_logn_attn": [false], "use_mrope": [false],
        "use_parallel_residual": [false], "use_qk_norm": [false], "use_qkv_bias": [false],
        "use_rope": [true], "use_sliding_window": [false]})");
    return values;
}

bool at_rest(const std::string& key, const json& value) {
    if (value.is_null()) return true;
    const auto neutral = neutral_values().find(key);
    return neutral != neutral_values().end() &&
           std::find(neutral->begin(), neutral->end(), value) != neutral->end();
}

/// Typed access to the members of one object; remembers which were asked for.
class Reader {
  public:
    Reader(const json& object, const std::string& place) : object_(object), place_(place) {}

    const json* find(const std::string& key) {
        asked_.insert(key);
        const auto found = object_.find(key);
        return found == object_.end() || found->is_null() ? nullptr : &*found;
    }
    [[noreturn]] void refuse(const std::string& key, const std::string& wanted,
                             const std::string& hint = {}) const {
        const auto found = object_.find(key);
        throw InputError(place_ + ": key '" + key + "' is " +
                             (found == object_.end() ? "missing" : text::shown(*found)) +
                             ", wanted is " + wanted,
                         hint);
    }
    Index integer(const std::string& key, Index most) {
        const json* value = find(key);
        if (!value || !value->is_number_unsigned() || value->get<std::uint64_t>() < 1 ||
            value->get<std::uint64_t>() > static_cast<std::uint64_t>(most))
            refuse(key, "an integer from 1 to " + std::to_string(most));
        return value->get<Index>();
    }
    Index integer(const std::string& key, Index most, Index fallback) {
        return find(key) ? integer(key, most) : fallback;
    }
    bool flag(const std::string& key, bool fallback) {
        const json* value = find(key);
        if (value && !value->is_boolean()) refuse(key, "true or false");
        return value ? value->get<bool>() : fallback;
    }
    bool has(const std::string& key) const { return object_.contains(key); }
    void require_all_known() const {
        for (const auto& item : object_.items())
            if (!asked_.contains(item.key()) && !harmless_keys().contains(item.key()) &&
                !at_rest(item.key(), item.value()))
                throw InputError(place_ + ": key " + text::shown(json(item.key())) +
                                     " with value " + text::shown(item.value()) + " is not known",
                                 "it may change the computation, so the model is not run");
    }

  private:
    const json& object_;
    const std::string& place_;
    std::set<std::string> asked_;
};

constexpr Index kMostWide = Index{1} << 20, kMostLayers = 1000, kMostVocabulary = Index{1} << 24;

const Architecture& find_architecture(Reader& read) {
    std::string known;
    for (const Architecture& each : kArchitectures)
        known += (known.empty() ? "" : ", ") + std::string(each.name);
    const json* names = read.find("architectures");
    const json* type = read.find("model_type");
    if (names && names->is_array() && names->size() == 1)
        for (const Architecture& each : kArchitectures)
            if (names->front() == each.name) {
                if (type && *type != each.model_type)
                    read.refuse("model_type", text::shown(json(each.model_type)));
                return each;
            }
    read.refuse("architectures", "a list of one of " + known, "other models are not run");
}

void require_plain_arithmetic(Reader& read) {
    for (const char* key : {"quantization_config", "compression_config"})
        if (read.find(key)) read.refuse(key, "absent", "quantised checkpoints are not run");
    for (const char* key : {"hidden_act", "hidden_activation"})
        if (const json* value = read.find(key); value && *value != "silu" && *value != "swish")
            read.refuse(key, "\"silu\"", "other activations are not run");
}

/// Windows of 'layer_types' if it is there, else those from layer 'max_window_layers' on.
std::vector<Index> windows_by_layer(Reader& read, Index window, Index layers) {
    std::vector<Index> out(static_cast<std::size_t>(layers), 0);
    const bool used = read.flag("use_sliding_window", false);
    const json* from = read.find("max_window_layers");
    if (from && !from->is_number_unsigned()) read.refuse("max_window_layers", "an integer >= 0");
    const std::uint64_t first = from ? from->get<std::uint64_t>() : 28;
    const json* types = read.find("layer_types");
    if (types && (!types->is_array() || types->size() != out.size()))
        read.refuse("layer_types", "a list of one name a layer");
    for (std::size_t i = 0; i < out.size(); ++i) {
        const bool full = types && (*types)[i] == "full_attention";
        if (types && !full && (*types)[i] != "sliding_attention")
            read.refuse("layer_types", "full_attention or sliding_attention");
        if (types && !full && (!used || window == 0))
            read.refuse("layer_types", "full_attention, as no sliding window is in use");
        if (used && (types ? !full : i >= first)) out[i] = window;
    }
    return out;
}

/// Keys of other families about windows by layer: read where they ask for none.
void rest_windows(Reader& read, Index window) {
    if (const json* types = read.find("layer_types")) {
        const json same = window == 0 ? "full_attention" : "sliding_attention";
        if (!types->is_array() || std::count(types->begin(), types->end(), same) !=
                                      static_cast<std::ptrdiff_t>(types->size()))
            read.refuse("layer_types", "a list of " + text::shown(same));
    }
    if (read.flag("use_sliding_window", window > 0) != (window > 0))
        read.refuse("use_sliding_window", window > 0 ? "true or absent" : "false");
    if (read.has("use_sliding_window") && window == 0) read.find("sliding_window");
    read.find("max_window_layers");
}

std::vector<Index> read_windows(Reader& read, const Architecture& kind, Index layers) {
    const auto count = static_cast<std::size_t>(layers);
    if (!kind.window_keys) {
        rest_windows(read, 0);
        return std::vector<Index>(count, 0);
    }
    const Index window = read.has("sliding_window")
                             ? read.integer("sliding_window", Index{1} << 31, 0)
                             : kind.default_window;
    if (kind.window_by_layer) return windows_by_layer(read, window, layers);
    rest_windows(read, window);
    return std::vector<Index>(count, window);
}

void read_heads(Reader& read, const Architecture& kind, ModelConfig& c) {
    c.heads = read.integer("num_attention_heads", kMostWide);
    const Index fallback = kind.default_kv_heads == 0 || read.has("num_key_value_heads")
                               ? c.heads
                               : kind.default_kv_heads;
    c.kv_heads = read.integer("num_key_value_heads", kMostWide, fallback);
    if (c.heads % c.kv_heads != 0)
        read.refuse("num_key_value_heads",
                    "a divisor of 'num_attention_heads' " + std::to_string(c.heads));
    if (!read.find("head_dim") && c.hidden % c.heads != 0)
        read.refuse("num_attention_heads",
                    "a divisor of 'hidden_size' " + std::to_string(c.hidden));
    c.head_size = read.integer("head_dim", 4096, c.hidden / c.heads);
    if (c.head_size % 2 != 0)
        read.refuse(read.find("head_dim") ? "head_dim" : "num_attention_heads",
                    "one that makes the head size even, it is " + std::to_string(c.head_size));
}

double read_epsilon(Reader& read) {
    const json* value = read.find("rms_norm_eps");
    if (!value) return 1e-6;
    const double epsilon = value->is_number() ? value->get<double>() : -1.0;
    if (!(epsilon >= 0.0 && epsilon <= 1.0)) read.refuse("rms_norm_eps", "a number in [0, 1]");
    return epsilon;
}

/// Of the keys about dropout within the model those that are not zero.
std::vector<std::string> dropout_of(const json& object) {
    std::vector<std::string> out;
    for (const char* key : {"attention_dropout", "attn_pdrop", "embd_pdrop", "embedding_dropout",
                            "hidden_dropout", "resid_pdrop", "residual_dropout"}) {
        const auto found = object.find(key);
        if (found != object.end() && found->is_number() && *found != 0)
            out.push_back(std::string(key) + " " + text::shown(*found));
    }
    return out;
}

}  // namespace

Index ModelConfig::parameters() const {
    const Index q = heads * head_size, kv = kv_heads * head_size;
    Index layer = 2 * hidden + hidden * (2 * q + 2 * kv) + 3 * hidden * ffn;
    layer += (qkv_bias ? q + 2 * kv : 0) + (output_bias ? hidden : 0);
    layer += mlp_bias ? 2 * ffn + hidden : 0;
    return layers * layer + hidden + vocabulary * hidden * (tied ? 1 : 2);
}

ModelConfig parse_model_config(std::string_view text, const std::string& place) {
    const json object = text::parse_json(text, place, {kMaxConfig, 16});
    if (!object.is_object()) throw InputError(place + ": is no JSON object");
    Reader read(object, place);
    const Architecture& kind = find_architecture(read);
    require_plain_arithmetic(read);
    ModelConfig c;
    c.architecture = kind.name;
    c.hidden = read.integer("hidden_size", kMostWide);
    c.ffn = read.integer("intermediate_size", kMostWide);
    c.layers = read.integer("num_hidden_layers", kMostLayers);
    c.vocabulary = read.integer("vocab_size", kMostVocabulary);
    c.context = read.integer("max_position_embeddings", kMostVocabulary, kind.default_context);
    read_heads(read, kind, c);
    c.norm_epsilon = read_epsilon(read);
    c.tied = read.flag("tie_word_embeddings", false);
    const bool attention_bias = kind.bias_keys && read.flag("attention_bias", false);
    c.qkv_bias = kind.qkv_bias || attention_bias;
    c.output_bias = attention_bias;
    c.mlp_bias = kind.bias_keys && read.flag("mlp_bias", false);
    c.window = read_windows(read, kind, c.layers);
    c.rope = parse_rope(object, place);
    read.require_all_known();
    c.dropout = dropout_of(object);
    return c;
}

}  // namespace prefdyn::transformer
