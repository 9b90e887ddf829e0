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
    if (const auto path = existing(folder, "special_tokens_map.json"); !path.empty())
        read_names(read_json(path), path, config);
    if (const auto path = existing(folder, "tokenizer_config.json"); !path.empty()) {
        const Json document = read_json(path);
        read_names(document, path, config);
        if (find_member(document, "add_bos_token", path))
            config.add_bos = flag_member(document, "add_bos_token", false, path);
        if (const Json* added = find_member(document, "added_tokens_decoder", path)) {
            require_object(*added, path + "/added_tokens_decoder");
            for (const auto& [id, token] : added->items())
                config.added.push_back(
                    text_member(token, "content", path + "/added_tokens_decoder/" + id));
        }
    }
    if (const auto path = existing(folder, "added_tokens.json"); !path.empty()) {
        const Json document = read_json(path);
        require_object(document, path);
        for (const auto& [content, id] : document.items()) config.added.push_back(content);
    }
    return config;
}

SpecialTokens resolve(const TokenizerConfig& config, const Tokenizer& tokenizer) {
    return {id_of(config.bos, "bos_token", config.path, tokenizer),
            id_of(config.eos, "eos_token", config.path, tokenizer), config.add_bos};
}

}  // namespace prefdyn::text
