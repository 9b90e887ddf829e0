#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <ostream>

#include "experiments/commands.hpp"
#include "experiments/embedding_file.hpp"
#include "experiments/options.hpp"
#include "experiments/provenance.hpp"
#include "experiments/result_writer.hpp"
#include "sim/error.hpp"
#include "sim/transformer/model_hash.hpp"

namespace prefdyn {

namespace {

/// Token ids made elsewhere leave nothing to say about the text.
void require_one_source(const ParameterTable& table, const EmbedCommandOptions& o) {
    if (o.tokens.empty() && o.prompts.data.empty())
        throw InputError("nothing to embed", "give --data FILE.jsonl ... or --tokens FILE.h5");
    if (o.tokens.empty()) return;
    for (const Parameter& p : table.parameters())
        for (const char* name : {"data", "template", "suffix", "bos", "first", "second",
                                 "min-confidence", "no-shared"})
            if (p.name == name && p.origin != "default")
                throw InputError("--" + p.name + " does not go with --tokens",
                                 "the ids are taken as they are");
}

EmbedInput read_input(const EmbedCommandOptions& o, const transformer::ModelConfig& config) {
    EmbedInput input = o.tokens.empty()
                           ? input_from_data(o.model, config.vocabulary, o.prompts, !o.no_shared)
                           : input_from_tokens(o.tokens, config.vocabulary);
    fit_context(input, config.context, o.truncate, o.prompts.bos);
    return input;
}

std::string folder_name(const std::string& path) {
    const auto folder = std::filesystem::canonical(path);
    return folder.filename().string();
}

std::string options_text(const ParameterTable& table) {
    std::string text;
    for (const Parameter& p : table.parameters())
        text += p.name + " = " + p.get() + "  # " + p.origin + "\n";
    return text;
}

FileAttributes attributes_of(const EmbedCommandOptions& o, const ParameterTable& table,
                             const EmbedInput& input, const transformer::ModelHash& hash,
                             double seconds) {
    const auto yes = [](bool value) { return std::string(value ? "true" : "false"); };
    const text::PromptFormat format = format_of(o.prompts);
    const bool made_here = o.tokens.empty();
    FileAttributes out = {{"title", "prefdyn embed"},
                          {"model", folder_name(o.model)},
                          {"model_hash", hash.hash},
                          {"model_hash_method", hash.method},
                          {"tokenizer", input.tokenizer},
                          {"tokenizer_hash", input.tokenizer_hash},
                          {"template", made_here ? format.prompt_template : ""},
                          {"suffix", format.suffix},
                          {"bos", made_here ? yes(format.bos) : "as in the token file"},
                          {"append_shared", made_here ? yes(!o.no_shared) : "as in the token file"},
                          {"truncate", yes(o.truncate)},
                          {"norm", std::vector{"none", "single", "double"}[std::size_t(o.norm)]},
                          {"options", options_text(table)}};
    for (const auto& entry : provenance()) out.push_back(entry);
    out.emplace_back("wall_seconds", format_real(seconds));
    return out;
}

void print_count(std::ostream& out, const EmbedCount& count, double seconds) {
    out << count.prompts << " prompts, " << count.distinct << " different, " << count.found
        << " embedded before, " << count.done << " now: " << count.tokens << " tokens in "
        << std::fixed << std::setprecision(1) << seconds << " s";
    if (seconds > 0.0 && count.tokens > 0)
        out << ", " << std::setprecision(0) << static_cast<double>(count.tokens) / seconds
            << " tokens/s";
    out << std::defaultfloat << "\n";
}

void print_behaviours(std::ostream& out, const EmbedInput& input) {
    for (const auto& b : input.behaviours) {
        const auto plus = std::count(b.label.begin(), b.label.end(), std::int8_t{1});
        out << "  " << b.name << ": " << b.prompts.size() << " prompts, " << plus
            << " with the first answer chosen";
        if (b.filtered > 0) out << ", " << b.filtered << " filtered";
        if (b.truncated > 0) out << ", " << b.truncated << " truncated";
        out << "\n";
    }
}

}  // namespace

int embed_command(const std::vector<std::string>& arguments, std::ostream& out) {
    EmbedCommandOptions options;
    ParameterTable table;
    declare(table, options);
    table.parse(arguments);
    require_one_source(table, options);
    apply(options.output);
    const transformer::Transformer model(options.model);
    const EmbedInput input = read_input(options, model.config());
    require_writable(options.output.out, options.output.force);
    const transformer::ModelHash hash = transformer::hash_model(model.checkpoint());
    EmbedPlan plan;
    plan.norm = options.norm;
    plan.model_hash = hash.hash;
    RowStore rows(options.cache.empty() ? options.output.out + ".rows" : options.cache);
    const Stopwatch watch;
    try {
        const EmbedCount count = embed_missing(model, input, plan, rows);
        print_count(out, count, watch.seconds());
    } catch (const Interrupted&) {
        out << "interrupted: " << rows.size() << " embedded prompts are kept in " << rows.path()
            << ", the same call goes on from there\n";
        return 130;
    }
    write_embeddings(options.output.out, model, input, plan, rows,
                     attributes_of(options, table, input, hash, watch.seconds()));
    if (options.cache.empty()) rows.remove();
    print_behaviours(out, input);
    out << "wrote " << options.output.out << "\n";
    return 0;
}

}  // namespace prefdyn
