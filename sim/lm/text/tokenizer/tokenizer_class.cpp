#include "sim/lm/text/tokenizer/tokenizer_class.hpp"

#include <map>
#include <set>

#include "sim/base/failure.hpp"
#include "sim/lm/text/tokenizer/bpe.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

constexpr const char* kFile = "TokenizersBackend";  ///< the class that takes the file as it is

bool has_byte_level(const Json& pre_tokenizer) {
    return pre_tokenizer.dump().find("\"ByteLevel\"") != std::string::npos;
}

/// The class of transformers 5.24, by the model's type and by what the files name.
std::string class_of(const Json& document, const TokenizerConfig& config) {
    static const std::set<std::string> as_file = {"mistral", "mistral3", "ministral", "ministral3",
                                                  "phi3",    "granite",  "olmo2",     "stablelm"};
    static const std::map<std::string, std::string> own = {
        {"gpt_neox", "GPTNeoXTokenizer"}, {"olmo", "GPTNeoXTokenizer"},
        {"cohere", "CohereTokenizer"},    {"gpt2", "GPT2Tokenizer"},
        {"phi", "GPT2Tokenizer"},         {"starcoder2", "GPT2Tokenizer"},
        {"qwen3", "Qwen2Tokenizer"},      {"gemma", "GemmaTokenizer"},
        {"gemma2", "GemmaTokenizer"},     {"gemma3", "GemmaTokenizer"},
        {"gemma3_text", "GemmaTokenizer"}};
    std::string named = config.tokenizer_class;
    if (named.ends_with("Fast") && named != "PreTrainedTokenizerFast")
        named.erase(named.size() - 4);
    if (config.model_type == "qwen2") return "Qwen2Tokenizer";
    if (as_file.contains(config.model_type)) return kFile;
    const auto pre_tokenizer = document.find("pre_tokenizer");
    if (named == "LlamaTokenizer" && pre_tokenizer != document.end() &&
        has_byte_level(*pre_tokenizer))
        return kFile;
    if (!named.empty()) return named;
    const auto found = own.find(config.model_type);
    return found == own.end() ? kFile : found->second;
}

Json byte_level(bool prefix, bool regex) {
    return {{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"use_regex", regex}};
}

Json qwen_pre_tokenizer(bool prefix) {
    const Json split = {
        {"type", "Split"},
        {"pattern",
         {{"Regex",
           R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}}},
        {"behavior", "Isolated"},
        {"invert", false}};
    return {{"type", "Sequence"},
            {"pretokenizers", Json::array({split, byte_level(prefix, false)})}};
}

Json llama_pre_tokenizer(const TokenizerConfig& config) {
    const char* scheme = config.legacy.value_or(false) ? "always" : "first";
    if (!config.add_prefix_space.value_or(true)) scheme = "never";
    return {{"type", "Metaspace"},
            {"replacement", "\u2581"},
            {"prepend_scheme", scheme},
            {"split", false}};
}

}  // namespace

void overrule(Json& document, const TokenizerConfig& config, const std::string& place) {
    require_object(document, place);
    const std::string name = class_of(document, config);
    const bool prefix = config.add_prefix_space.value_or(false);
    const auto put = [&](const Json& normalizer, const Json& pre_tokenizer) {
        document["normalizer"] = normalizer;
        document["pre_tokenizer"] = pre_tokenizer;
    };
    if (name == kFile || name == "PreTrainedTokenizerFast" || name == "PreTrainedTokenizer") return;
    if (!document.contains("model") || !document["model"].is_object()) return;
    Json& model = document["model"];
    if (model.contains("type") && model["type"] != "BPE")
        throw InputError(place + ": transformers reads it as " + in_quotes(name) +
                             ", which is BPE, but the model is " + shown(model["type"]),
                         kElsewhere);
    const bool characters = name == "LlamaTokenizer" || name == "GemmaTokenizer";
    if (name == "LlamaTokenizer")
        put(nullptr, llama_pre_tokenizer(config));
    else if (name == "GemmaTokenizer")
        put({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}},
            {{"type", "Split"},
             {"pattern", {{"String", " "}}},
             {"behavior", "MergedWithPrevious"},
             {"invert", false}});
    else if (name == "GPT2Tokenizer")
        put(nullptr, byte_level(prefix, true));
    else if (name == "GPTNeoXTokenizer")
        put({{"type", "NFC"}}, byte_level(prefix, true));
    else if (name == "Qwen2Tokenizer")
        put({{"type", "NFC"}}, qwen_pre_tokenizer(prefix));
    else
        throw InputError(place + ": the class of the tokeniser is " + in_quotes(name) +
                             ", whose rules beside the file are not known",
                         kElsewhere);
    model["fuse_unk"] = model["byte_fallback"] = characters;
    model["ignore_merges"] = false;
    if (!characters) model["unk_token"] = nullptr;
    if (name == "GPTNeoXTokenizer") document["post_processor"] = nullptr;
}

std::vector<std::string> default_tokens(const Json& document, const TokenizerConfig& config) {
    using Names = std::map<std::string, std::string>;
    const std::string end = "<|endoftext|>";
    static const std::map<std::string, Names> defaults = {
        {"LlamaTokenizer", {{"unk_token", "<unk>"}, {"bos_token", "<s>"}, {"eos_token", "</s>"}}},
        {"GPT2Tokenizer", {{"unk_token", end}, {"bos_token", end}, {"eos_token", end}}},
        {"GPTNeoXTokenizer",
         {{"unk_token", end},
          {"bos_token", end},
          {"eos_token", end},
          {"pad_token", "<|padding|>"}}},
        {"Qwen2Tokenizer", {{"unk_token", end}, {"eos_token", end}, {"pad_token", end}}},
        {"GemmaTokenizer",
         {{"unk_token", "<unk>"},
          {"bos_token", "<bos>"},
          {"eos_token", "<eos>"},
          {"pad_token", "<pad>"},
          {"mask_token", "<mask>"}}}};
    std::vector<std::string> out;
    const auto own = defaults.find(class_of(document, config));
    if (own == defaults.end()) return out;
    for (const auto& [key, content] : own->second)
        if (!config.keys.contains(key)) out.push_back(content);
    return out;
}

}  // namespace prefdyn::text
