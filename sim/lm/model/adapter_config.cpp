#define PCRE2_CODE_UNIT_WIDTH 8
#include "sim/lm/model/adapter_config.hpp"

#include <pcre2.h>

#include <algorithm>
#include <memory>
#include <set>

#include "sim/base/failure.hpp"
#include "sim/lm/text/json_input.hpp"

namespace prefdyn::transformer {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxAdapterConfig = std::size_t{1} << 20;
constexpr std::size_t kMaxPattern = 4096;
constexpr const char* kMerge = "such an adapter computes something else; merge it with PEFT first";

/// Keys that name, describe or train an adapter, or that adapter.cpp reads.
const std::set<std::string>& understood_keys() {
    static const std::set<std::string> keys = {"alpha_pattern",
                                               "auto_mapping",
                                               "base_model_name_or_path",
                                               "bias",
                                               "eva_config",
                                               "exclude_modules",
                                               "fan_in_fan_out",
                                               "inference_mode",
                                               "init_lora_weights",
                                               "layers_pattern",
                                               "layers_to_transform",
                                               "lora_alpha",
                                               "lora_dropout",
                                               "megatron_core",
                                               "modules_to_save",
                                               "peft_type",
                                               "peft_version",
                                               "qalora_group_size",
                                               "r",
                                               "rank_pattern",
                                               "revision",
                                               "runtime_config",
                                               "target_modules",
                                               "task_type",
                                               "use_dora",
                                               "use_rslora"};
    return keys;
}

/// Values at which other keys, and some of those above, change nothing that is not read.
const json& allowed_values() {
    static const json values = json::parse(R"({
        "bias": ["none", "all", "lora_only"], "corda_config": [{}], "enable_lora": [[]],
        "ensure_weight_tying": [false], "fan_in_fan_out": [true, false],
        "init_lora_weights": [true, false, "gaussian", "orthogonal", "eva", "mica"],
        "loftq_config": [{}], "lora_bias": [false], "lora_ga_config": [{}],
        "merge_weights": [false], "peft_type": ["LORA"], "target_parameters": [[]],
        "trainable_token_indices": [[], {}], "use_bdlora": [false], "use_dora": [true, false],
        "use_qalora": [false], "use_rslora": [true, false]})");
    return values;
}

std::string listed(const json& values) {
    std::string out;
    for (const json& value : values) out += (out.empty() ? "" : " or ") + text::shown(value);
    return out;
}

void require_understood(const std::string& key, const json& value, const std::string& place) {
    if (value.is_null() || key.starts_with("unsloth_")) return;
    const auto allowed = allowed_values().find(key);
    if (allowed == allowed_values().end()) {
        if (understood_keys().contains(key)) return;
        throw InputError(place + ": key " + text::shown(json(key)) + " with value " +
                             text::shown(value) + " is not known",
                         kMerge);
    }
    if (std::find(allowed->begin(), allowed->end(), value) == allowed->end())
        throw InputError(place + ": key '" + key + "' is " + text::shown(value) + ", wanted is " +
                             listed(*allowed),
                         key == "init_lora_weights"
                             ? "such an adapter belongs to a base model with a part taken out; "
                               "convert it with PEFT's path_initial_model_for_weight_conversion, "
                               "or merge it with PEFT first"
                             : kMerge);
}

bool is_name_list(const json& value) {
    return value.is_array() && std::all_of(value.begin(), value.end(),
                                           [](const json& each) { return each.is_string(); });
}

/// Whether `pattern` matches all of `name`.
bool pattern_matches(const std::string& pattern, const std::string& name,
                     const std::string& place) {
    const auto bytes = [](const std::string& s) { return reinterpret_cast<PCRE2_SPTR>(s.data()); };
    const auto refuse = [&](const std::string& why) {
        throw InputError(place + ": the pattern " + text::shown(json(pattern)) + " " + why,
                         "name the modules in a list");
    };
    if (pattern.size() > kMaxPattern) refuse("is too long");
    int error = 0;
    PCRE2_SIZE offset = 0;
    const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code(
        pcre2_compile(bytes(pattern), pattern.size(),
                      PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &error, &offset, nullptr),
        pcre2_code_free);
    if (!code) refuse("is no regular expression (byte " + std::to_string(offset + 1) + ")");
    const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(
        pcre2_match_data_create_from_pattern(code.get(), nullptr), pcre2_match_data_free);
    const int found = pcre2_match(code.get(), bytes(name), name.size(), 0, 0, data.get(), nullptr);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH) refuse("is too hard to match");
    return found >= 0;
}

}  // namespace

json read_adapter_config(const std::string& path) {
    json config = text::read_json(path, {kMaxAdapterConfig, 8});
    if (!config.is_object()) throw InputError(path + ": is no JSON object");
    for (const auto& [key, value] : config.items()) require_understood(key, value, path);
    for (const char* key : {"target_modules", "exclude_modules", "modules_to_save"})
        if (const auto found = config.find(key);
            found != config.end() && !found->is_null() && !is_name_list(*found) &&
            !(found->is_string() && std::string(key) != "modules_to_save"))
            throw InputError(path + ": key '" + key + "' is " + text::shown(*found) +
                             ", wanted is a list of names");
    return config;
}

bool names_module(const json& names, const std::string& module, const std::string& place) {
    if (names.is_string()) return pattern_matches(names.get<std::string>(), module, place);
    for (const json& each : names) {
        const auto& name = each.get_ref<const std::string&>();
        if (module == name || module.ends_with("." + name)) return true;
    }
    return false;
}

json pattern_value(const json& pattern, const std::string& module, const std::string& place) {
    for (const auto& [key, value] : pattern.items())
        if (pattern_matches("(.*\\.)?(" + key + ")", module, place)) return value;
    return nullptr;
}

}  // namespace prefdyn::transformer
