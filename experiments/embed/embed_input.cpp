#include "experiments/embed/embed_input.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

void drop_shared(text::TokenizedPrompts& tokens) {
    for (auto& prompt : tokens.prompts) prompt.resize(prompt.size() - tokens.pair.shared.size());
}

EmbedBehaviour behaviour_of(const text::PreferenceData& data, text::TokenizedPrompts tokens) {
    EmbedBehaviour out;
    out.name = tokens.name;
    out.source = data.path;
    out.tokens_hash = tokens.hash();
    out.data_hash = tokens.data_hash;
    out.prompts = std::move(tokens.prompts);
    out.label = std::move(tokens.label);
    out.line.assign(tokens.line.begin(), tokens.line.end());
    out.pair = std::move(tokens.pair);
    out.filtered = static_cast<std::int64_t>(data.filtered);
    return out;
}

}  // namespace

std::string place_of(const EmbedBehaviour& behaviour, std::size_t prompt) {
    return behaviour.source + ", " + behaviour.name + " line " +
           std::to_string(behaviour.line[prompt]);
}

namespace {

void require_prompts(const EmbedBehaviour& behaviour) {
    for (std::size_t i = 0; i < behaviour.prompts.size(); ++i)
        if (behaviour.prompts[i].empty())
            throw InputError(behaviour.source + ", line " + std::to_string(behaviour.line[i]) +
                                 ": the prompt has no token",
                             "put the beginning-of-sequence token in front with --bos");
}

void sort_by_name(EmbedInput& input) {
    std::sort(input.behaviours.begin(), input.behaviours.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
}

}  // namespace

EmbedInput input_from_data(const std::string& tokenizer_folder, Index vocabulary,
                           const PromptOptions& options, bool append_shared) {
    const auto tokenizer = text::load_tokenizer(tokenizer_folder);
    text::require_vocabulary(*tokenizer, static_cast<text::Token>(vocabulary), tokenizer_folder);
    const text::PromptFormat format = format_of(options, *tokenizer);
    EmbedInput out;
    out.bos = format.bos;
    out.note = tokenizer->note();
    out.prompt_template = format.prompt_template;
    out.tokenizer = tokenizer->kind();
    out.tokenizer_hash = tokenizer->hash();
    for (const auto& data : read_data(options)) {
        text::TokenizedPrompts tokens = text::tokenize(*tokenizer, data, format);
        if (!append_shared) drop_shared(tokens);
        out.behaviours.push_back(behaviour_of(data, std::move(tokens)));
        require_prompts(out.behaviours.back());
    }
    sort_by_name(out);
    return out;
}

EmbedInput input_from_tokens(const std::string& path, Index vocabulary) {
    text::TokenFile file = text::read_token_file(path);
    if (file.vocabulary > vocabulary)
        throw InputError(path + ": vocabulary = " + std::to_string(file.vocabulary) +
                             ", the model has " + std::to_string(vocabulary) + " tokens",
                         "the ids were made with the tokeniser of another model");
    EmbedInput out;
    out.tokenizer = "--tokens " + std::filesystem::path(path).filename().string();
    out.tokenizer_hash = file.hash;
    for (auto& each : file.behaviours) {
        EmbedBehaviour b;
        b.name = each.name;
        b.source = path;
        b.data_hash = b.tokens_hash = file.hash;
        b.prompts = std::move(each.prompts);
        b.label = std::move(each.label);
        b.line.resize(b.prompts.size());
        std::iota(b.line.begin(), b.line.end(), std::int64_t{0});
        b.pair.token = file.response;
        out.behaviours.push_back(std::move(b));
    }
    sort_by_name(out);
    return out;
}

void fit_context(EmbedInput& input, Index context, bool truncate, bool keep_first) {
    for (EmbedBehaviour& behaviour : input.behaviours)
        for (std::size_t i = 0; i < behaviour.prompts.size(); ++i) {
            auto& ids = behaviour.prompts[i];
            if (static_cast<Index>(ids.size()) <= context) continue;
            if (!truncate)
                throw InputError(place_of(behaviour, i) + ": has " + std::to_string(ids.size()) +
                                     " tokens, the model's context is " + std::to_string(context),
                                 "--truncate keeps the last tokens of such prompts");
            text::drop_front(ids, ids.size() - static_cast<std::size_t>(context), keep_first);
            ++behaviour.truncated;
        }
}

void require_no_image(const EmbedInput& input, Index image_token) {
    for (const EmbedBehaviour& behaviour : input.behaviours)
        for (std::size_t i = 0; i < behaviour.prompts.size(); ++i)
            if (std::ranges::count(behaviour.prompts[i], image_token) > 0)
                throw InputError(place_of(behaviour, i) + ": token id " +
                                     std::to_string(image_token) + " stands for an image",
                                 "images are not read; leave the line out");
}

}  // namespace prefdyn
