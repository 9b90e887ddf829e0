#include "sim/lm/text/tokenizer.hpp"

#include <filesystem>

#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/text/text_file.hpp"
#include "sim/lm/text/tokenizer/added_tokens.hpp"
#include "sim/lm/text/tokenizer/json_tokenizer.hpp"
#include "sim/lm/text/tokenizer/sentencepiece_tokenizer.hpp"
#include "sim/lm/text/tokenizer/tokenizer_class.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 28;

/// Tokens that a tokenizer.json beside a tokenizer.model adds.
void add_tokens_of_json(const std::filesystem::path& folder, TokenizerConfig& config) {
    const auto path = folder / "tokenizer.json";
    if (!std::filesystem::exists(path)) return;
    for (const AddedToken& token : read_added_tokens(read_json(path.string()), path.string()))
        config.added.push_back(token.content);
}

std::unique_ptr<Tokenizer> load_file(const std::filesystem::path& path) {
    const std::string bytes = read_file(path.string(), kMaxBytes);
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    TokenizerConfig config = read_tokenizer_config(folder.string());
    if (path.extension() == ".model") {
        add_tokens_of_json(folder, config);
        return sentencepiece_tokenizer(bytes, config, path.string());
    }
    Json document = parse_json(bytes, path.string());
    for (std::string& content : default_tokens(document, config))
        config.added.push_back(std::move(content));
    overrule(document, config, path.string());
    return json_tokenizer(document, config, path.string(), content_hash(bytes));
}

/// Two hundred short texts of several scripts.
std::vector<std::string> probe_texts() {
    const std::vector<std::string> parts = {"Yes",           " No",          "Once upon a time",
                                            "  two  spaces", "don't",        " 12345 ",
                                            "3.14",          "\n",           "\n\nA:",
                                            "caf\u00e9",     "\u4f60\u597d", "\u0417\u0434\u0440",
                                            "\u0645",        "\U0001f600",   "(x + y)",
                                            "_under"};
    std::vector<std::string> out = parts;
    for (std::size_t i = 0; out.size() < 200; ++i)
        out.push_back(parts[i % parts.size()] + parts[(i * 7 + i / parts.size()) % parts.size()]);
    return out;
}

std::string differences(const Tokenizer& json, const Tokenizer& model) {
    std::size_t count = 0;
    std::string first;
    const std::vector<std::string> texts = probe_texts();
    for (const std::string& text : texts)
        if (json.encode(text) != model.encode(text) && count++ == 0) first = text;
    if (count == 0) return {};
    return "tokenizer.json, which is used, and tokenizer.model give other ids for " +
           std::to_string(count) + " of " + std::to_string(texts.size()) + " texts, e.g. for " +
           in_quotes(first);
}

/// tokenizer.json, with what a tokenizer.model beside it says.
std::unique_ptr<Tokenizer> load_both(const std::filesystem::path& json,
                                     const std::filesystem::path& model) {
    std::unique_ptr<Tokenizer> out;
    try {
        out = load_file(json);
    } catch (const InputError& error) {
        out = load_file(model);
        out->set_note("tokenizer.model is used, as tokenizer.json is not known: " +
                      std::string(error.what()));
        return out;
    }
    try {
        out->set_note(differences(*out, *load_file(model)));
    } catch (const InputError& error) {
        out->set_note("tokenizer.json is used, it cannot be compared with tokenizer.model: " +
                      std::string(error.what()));
    }
    return out;
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const std::string& path) {
    if (!std::filesystem::is_directory(path)) return load_file(path);
    const auto json = std::filesystem::path(path) / "tokenizer.json";
    const auto model = std::filesystem::path(path) / "tokenizer.model";
    const bool has_json = std::filesystem::exists(json), has_model = std::filesystem::exists(model);
    if (has_json && has_model) return load_both(json, model);
    if (has_json || has_model) return load_file(has_json ? json : model);
    throw InputError(path + ": holds neither tokenizer.model nor tokenizer.json",
                     "make the token ids with the model's own tokeniser and give them with "
                     "--tokens FILE.h5");
}

void require_vocabulary(const Tokenizer& tokenizer, Token vocabulary, const std::string& place) {
    if (tokenizer.size() > vocabulary)
        throw InputError(place + ": the model's vocabulary has " + std::to_string(vocabulary) +
                             " rows, but the tokeniser has ids up to " +
                             std::to_string(tokenizer.size() - 1),
                         "do tokeniser and model belong together?");
}

void require_token(Token id, Token size) {
    if (id < 0 || id >= size)
        throw InputError("token id " + std::to_string(id) +
                         " is outside the vocabulary, allowed are 0 to " +
                         std::to_string(size - 1));
}

}  // namespace prefdyn::text
