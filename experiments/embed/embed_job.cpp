#include "experiments/embed/embed_job.hpp"

#include <filesystem>
#include <iomanip>
#include <ostream>

#include "experiments/results/finished.hpp"
#include "experiments/results/provenance.hpp"
#include "experiments/results/publish.hpp"
#include "experiments/results/result_writer.hpp"
#include "sim/base/arithmetic.hpp"
#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/stopwatch.hpp"

namespace prefdyn {

namespace {

const std::vector<std::string> kNormNames = {"none", "single", "double"};

/// Token ids made elsewhere leave nothing to say about the text.
void require_one_source(const ParameterTable& table, const EmbedSource& source) {
    if (source.tokens.empty() && source.prompts.data.empty())
        throw InputError("nothing to embed", "give --data FILE.jsonl ... or --tokens FILE.h5");
    if (source.tokens.empty()) return;
    const std::string idle = table.given_of({"data", "template", "suffix", "bos", "no-bos", "first",
                                             "second", "min-confidence", "no-shared"});
    if (!idle.empty())
        throw InputError(idle + " does not go with --tokens", "the ids are taken as they are");
}

void require_output(const EmbedSource& source, const OutputOptions& output) {
    std::vector<std::string> inputs = source.prompts.data;
    inputs.insert(inputs.end(), {source.tokens, source.cache});
    require_writable(output.out, output.force, inputs);
}

/// Whether what is there may be the result of the same call.
bool maybe_done(const OutputOptions& output) {
    return !output.force && std::filesystem::is_regular_file(output.out);
}

const EmbedSource& checked(const ParameterTable& table, const EmbedSource& source,
                           const OutputOptions& output) {
    require_one_source(table, source);
    transformer::require_precision(source.arithmetic);
    if (!maybe_done(output)) require_output(source, output);
    return source;
}

EmbedInput read_input(const EmbedSource& source, const transformer::Checkpoint& model) {
    const transformer::ModelConfig& config = model.config();
    EmbedInput input = source.tokens.empty()
                           ? input_from_data(model.tokenizer_folder(), config.vocabulary,
                                             source.prompts, !source.no_shared)
                           : input_from_tokens(source.tokens, config.vocabulary);
    require_no_image(input, config.image_token);
    fit_context(input, config.context, source.truncate, input.bos);
    return input;
}

std::string rows_path(const EmbedSource& source, const OutputOptions& output) {
    return source.cache.empty() ? output.out + ".rows" : source.cache;
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

}  // namespace

void declare(ParameterTable& t, EmbedSource& s) {
    t.text("model", &s.model, "folder in Hugging Face layout, with its tokeniser; or an adapter's",
           true);
    t.place();
    t.text("base", &s.base, "folder of the base model of an adapter; empty: as its config says");
    t.place();
    declare(t, s.prompts);
    t.find("data")->identity = false;
    t.text("tokens", &s.tokens, "token ids made elsewhere instead of --data (docs/tokens.md)");
    t.place();
    t.flag("no-shared", &s.no_shared,
           "leave away what both answers begin with, which else ends every prompt");
    t.flag("truncate", &s.truncate,
           "keep the last tokens of a prompt longer than the context, behind the bos");
    t.choice("norm", &s.norm, kNormNames, "how often the model's final norm is applied");
    t.choice("precision", &s.arithmetic.precision, transformer::precision_names(),
             "how a card multiplies: single precision, its factors rounded to tf32, or weights and "
             "states in bfloat16; the processor knows float32 alone");
    t.text("cache", &s.cache,
           "file that keeps every embedded row for later calls; default: OUT.rows, removed when "
           "OUT is written");
    t.place();
}

EmbedJob::EmbedJob(const EmbedSource& source, const ParameterTable& table,
                   const OutputOptions& output, const std::string& more)
    : source_(checked(table, source, output)),
      output_(output),
      model_(source.model, source.base),
      input_(read_input(source, model_.checkpoint())),
      hash_(transformer::hash_model(model_.checkpoint())) {
    plan_.norm = source.norm;
    plan_.model_hash = hash_.hash;
    plan_.arithmetic = source.arithmetic;
    plan_.chunk_tokens = transformer::preferred_tokens(model_.config(), source.arithmetic);
    task_ = task_of(table, more);
}

std::string EmbedJob::task_of(const ParameterTable& table, const std::string& more) const {
    std::string all = table.canonical() + "model=" + hash_.hash +
                      "\ntokenizer=" + input_.tokenizer_hash + "\nprogram=" + program_name() +
                      "\narithmetic=" + transformer::arithmetic_name(plan_.arithmetic) + " " +
                      arithmetic_mark() + "\n";
    for (const EmbedBehaviour& b : input_.behaviours)
        all += b.name + "=" + b.data_hash + " " + b.tokens_hash + "\n";
    return content_hash(all + more);
}

bool EmbedJob::was_done() const { return maybe_done(output_) && was_task(output_.out, task_); }

bool EmbedJob::run(std::ostream& out) {
    if (maybe_done(output_)) require_output(source_, output_);
    const std::string path = rows_path(source_, output_);
    make_folder_of(path);
    rows_.emplace(path);
    const Stopwatch watch;
    try {
        const EmbedCount count = embed_missing(model_, input_, plan_, *rows_);
        print_count(out, count, watch.seconds());
        if (!input_.note.empty()) out << input_.note << "\n";
        if (source_.tokens.empty()) out << bos_text(source_.prompts.bos, input_.bos) << "\n";
        return true;
    } catch (const Interrupted&) {
        print_kept(out);
        return false;
    }
}

void EmbedJob::print_kept(std::ostream& out) const {
    out << "interrupted: " << rows_->size() << " embedded prompts are kept in " << rows_->path()
        << ", the same call goes on from there\n";
}

transformer::RowsF EmbedJob::features(const EmbedBehaviour& behaviour) const {
    return features_of(behaviour, plan_, *rows_, model_.config().hidden);
}

FileAttributes EmbedJob::attributes() const {
    const auto yes = [](bool value) { return std::string(value ? "true" : "false"); };
    const bool made_here = source_.tokens.empty();
    return {
        {"model", std::filesystem::canonical(source_.model).filename().string()},
        {"model_hash", hash_.hash},
        {"model_hash_method", hash_.method},
        {"tokenizer", input_.tokenizer},
        {"tokenizer_hash", input_.tokenizer_hash},
        {"template", made_here ? input_.prompt_template : ""},
        {"suffix", suffix_of(source_.prompts)},
        {"bos", made_here ? yes(input_.bos) : "as in the token file"},
        {"append_shared", made_here ? yes(!source_.no_shared) : "as in the token file"},
        {"truncate", yes(source_.truncate)},
        {"norm", kNormNames[static_cast<std::size_t>(source_.norm)]},
        {"precision",
         transformer::precision_names()[static_cast<std::size_t>(source_.arithmetic.precision)]},
        {"kernels", transformer::arithmetic_name(source_.arithmetic)},
        {"task", task_}};
}

void EmbedJob::write(const std::string& path, const FileAttributes& attributes) const {
    write_embeddings(path, model_, input_, plan_, *rows_, attributes);
}

void EmbedJob::finish() {
    if (source_.cache.empty()) rows_->remove();
}

void EmbedJob::finish_late() const {
    std::error_code failed;
    const std::string path = rows_path(source_, output_);
    if (!source_.cache.empty() || !std::filesystem::exists(path, failed)) return;
    try {
        RowStore(path).remove();
    } catch (const InputError&) {  // another process embeds, or it is no file of rows
    }
}

}  // namespace prefdyn
