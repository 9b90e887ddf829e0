#include "sim/lm/model/config_reader.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

#include "sim/base/failure.hpp"
#include "sim/lm/text/json_input.hpp"

namespace prefdyn::transformer {

namespace {

using nlohmann::json;

/// Keys that name, describe, initialise, train or generate, and leave the forward pass alone.
const std::set<std::string>& harmless_keys() {
    static const std::set<std::string> keys = [] {
        std::istringstream words(R"(
    _name_or_path _attn_implementation _attn_implementation_autoset _attn_implementation_internal
    attn_implementation _flash_attn_2_enabled _commit_hash _from_model_config attention_dropout
    attn_pdrop auto_map bad_words_ids begin_suppress_tokens bos_token bos_token_id cache_implementation
    chunk_size_feed_forward classifier_dropout decoder_start_token_id diversity_penalty do_sample
    dtype early_stopping embd_pdrop embedding_dropout encoder_no_repeat_ngram_size eos_token
    eos_token_id exponential_decay_length_penalty finetuning_task forced_bos_token_id
    forced_eos_token_id gradient_checkpointing hidden_dropout id2label initializer_range
    is_llama_config label2id length_penalty max_length max_sequence_length min_length
    model_max_length n_ctx no_repeat_ngram_size num_beam_groups num_beams num_labels
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
        "activation": ["swiglu"], "add_bias_linear": [false], "add_cross_attention": [false], "add_qkv_bias": [false],
        "alibi": [false], "attention_bias": [false], "attn_logit_softcapping": [0],
        "bias": [false], "causal": [true], "cross_attention_hidden_size": [false],
        "embedding_multiplier": [1], "full_attn_mod": [1], "final_logit_softcapping": [0], "is_causal": [true],
        "interpolate_factor": [1], "is_decoder": [false], "is_encoder_decoder": [false], "lm_head_bias": [false],
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

}  // namespace

const json* ConfigReader::find(const std::string& key) {
    asked_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void ConfigReader::refuse(const std::string& key, const std::string& wanted,
                          const std::string& hint) const {
    const auto found = object_.find(key);
    throw InputError(place_ + ": key '" + key + "' is " +
                         (found == object_.end() ? "missing" : text::shown(*found)) +
                         ", wanted is " + wanted,
                     hint);
}

Index ConfigReader::integer(const std::string& key, Index most) {
    const json* value = find(key);
    if (!value || !value->is_number_unsigned() || value->get<std::uint64_t>() < 1 ||
        value->get<std::uint64_t>() > static_cast<std::uint64_t>(most))
        refuse(key, "an integer from 1 to " + std::to_string(most));
    return value->get<Index>();
}

bool ConfigReader::flag(const std::string& key, bool fallback) {
    const json* value = find(key);
    if (value && !value->is_boolean()) refuse(key, "true or false");
    return value ? value->get<bool>() : fallback;
}

double ConfigReader::number(const std::string& key, double most, double fallback) {
    const json* value = find(key);
    if (!value) return fallback;
    const double out = value->is_number() ? value->get<double>() : -1.0;
    if (!(out >= 0.0 && out <= most)) refuse(key, "a number in [0, " + json(most).dump() + "]");
    return out;
}

double ConfigReader::positive(const std::string& key, double fallback) {
    const double out = number(key, 1e6, fallback);
    if (!(out > 0.0)) refuse(key, "a number above 0");
    return out;
}

void ConfigReader::require_all_known() const {
    for (const auto& item : object_.items())
        if (!asked_.contains(item.key()) && !harmless_keys().contains(item.key()) &&
            !at_rest(item.key(), item.value()))
            throw InputError(place_ + ": key " + text::shown(json(item.key())) + " with value " +
                                 text::shown(item.value()) + " is not known",
                             "it may change the computation, so the model is not run");
}

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

}  // namespace prefdyn::transformer
