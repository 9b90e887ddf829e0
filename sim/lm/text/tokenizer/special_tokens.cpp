#include "sim/lm/text/tokenizer/special_tokens.hpp"

#include <filesystem>

#include "sim/base/failure.hpp"
#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

/// "<s>" or {"content": "<s>", ...}.
std::optional<std::string> token_name(const Json& document, const std::string& key,
                                      const std::string& place) {
    const Json* value = find_member(document, key, place);
    if (!value) return std::nullopt;
    if (value->is_object()) return text_member(*value, "content", place + "/" + key);
    return text_member(document, key, place);
}

std::string existing(const std::string& folder, const char* name) {
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    return std::filesystem::exists(path) ? path.string() : std::string();
}

void read_names(const Json& document, const std::string& path, TokenizerConfig& config) {
    config.path = path;
    config.bos = token_name(document, "bos_token", path);
    config.eos = token_name(document, "eos_token", path);
}

/// A token's content, those of a list, or those of an object's members.
void add_token(const Json& value, const std::string& place, TokenizerConfig& config) {
    if (value.is_string()) {
        config.added.push_back(value.get<std::string>());
    } else if (value.is_object() && value.contains("content")) {
        const auto flag = [&](const char* key) { return flag_member(value, key, false, place); };
        config.added.push_back(text_member(value, "content", place));
        config.rules[config.added.back()] = {flag("lstrip"), flag("rstrip"), flag("single_word"),
                                             flag("normalized")};
    } else if (value.is_array() || value.is_object()) {
        for (const auto& [key, each] : value.items()) add_token(each, place + "/" + key, config);
    }
}

/// Of every key that names tokens: "pad_token", "extra_special_tokens" and the like.
void add_names(const Json& document, const std::string& path, TokenizerConfig& config) {
    for (const auto& [key, value] : document.items()) {
        if (key.ends_with("_token")) config.keys.insert(key);
        if (key.ends_with("_token") || key.ends_with("special_tokens"))
            add_token(value, path + "/" + key, config);
    }
    std::erase(config.added, "");
}

/// Settings under which transformers makes other ids of the same files.
void require_plain(const Json& document, const std::string& path) {
    for (const char* key : {"split_special_tokens", "fix_mistral_regex"})
        if (flag_member(document, key, false, path))
            throw InputError(path + ": key '" + key + "' is true, which is not known",
                             "make the token ids with the model's own tokeniser and give them with "
                             "--tokens FILE.h5");
}

std::optional<Token> id_of(const std::optional<std::string>& name, const std::string& key,
                           const std::string& path, const Tokenizer& tokenizer) {
    if (!name) return std::nullopt;
    const auto id = tokenizer.find(*name);
    if (!id)
        throw InputError(
            path + ": " + key + " is " + in_quotes(*name) + ", which the tokeniser does not have",
            "do the two files belong to the same model?");
    return id;
}

}  // namespace

TokenizerConfig read_tokenizer_config(const std::string& folder) {
    TokenizerConfig config;
    if (const auto path = existing(folder, "special_tokens_map.json"); !path.empty()) {
        const Json document = read_json(path);
        read_names(document, path, config);
        add_names(document, path, config);
    }
    if (const auto path = existing(folder, "tokenizer_config.json"); !path.empty()) {
        const Json document = read_json(path);
        config.has_settings = true;
        read_names(document, path, config);
        add_names(document, path, config);
        require_plain(document, path);
        if (find_member(document, "add_bos_token", path))
            config.add_bos = flag_member(document, "add_bos_token", false, path);
        if (find_member(document, "tokenizer_class", path))
            config.tokenizer_class = text_member(document, "tokenizer_class", path);
        if (find_member(document, "add_prefix_space", path))
            config.add_prefix_space = flag_member(document, "add_prefix_space", false, path);
        if (find_member(document, "legacy", path))
            config.legacy = flag_member(document, "legacy", false, path);
        if (const Json* added = find_member(document, "added_tokens_decoder", path)) {
            const std::size_t before = config.added.size();
            add_token(*added, path + "/added_tokens_decoder", config);
            config.decoder = {config.added.begin() + static_cast<std::ptrdiff_t>(before),
                              config.added.end()};
        }
    }
    if (const auto path = existing(folder, "added_tokens.json"); !path.empty()) {
        const Json document = read_json(path);
        require_object(document, path);
        for (const auto& [content, id] : document.items()) config.added.push_back(content);
    }
    if (const auto path = existing(folder, "config.json"); !path.empty()) {
        const Json document = read_json(path);
        if (find_member(document, "model_type", path))
            config.model_type = text_member(document, "model_type", path);
        if (config.tokenizer_class.empty() && find_member(document, "tokenizer_class", path))
            config.tokenizer_class = text_member(document, "tokenizer_class", path);
    }
    return config;
}

SpecialTokens resolve(const TokenizerConfig& config, const Tokenizer& tokenizer) {
    return {id_of(config.bos, "bos_token", config.path, tokenizer),
            id_of(config.eos, "eos_token", config.path, tokenizer), config.add_bos};
}

}  // namespace prefdyn::text
