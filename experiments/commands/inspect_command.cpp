#include <omp.h>

#include <iomanip>
#include <ostream>

#include "experiments/commands/command.hpp"
#include "experiments/embed/embed.hpp"
#include "experiments/program/machine_options.hpp"
#include "experiments/program/prompt_options.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/model/model_hash.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn {

namespace {

using transformer::ModelConfig;

struct InspectOptions {
    std::string model, base, prompt;
    BosOptions bos;
    transformer::Arithmetic arithmetic;
    Index tokens_out = 32, prompts = 1000, prompt_tokens = 50;
    MachineOptions machine;
};

void declare(ParameterTable& t, InspectOptions& o) {
    t.text("model", &o.model, "folder in Hugging Face layout, or of an adapter", true);
    t.text("base", &o.base, "folder of the base model of an adapter; empty: as its config says");
    t.text("prompt", &o.prompt, "text to go on from, the most probable token each time");
    declare(t, o.bos);
    t.integer("tokens-out", &o.tokens_out, 1, 100000, "tokens", "length of the continuation");
    t.choice("precision", &o.arithmetic.precision, transformer::precision_names(),
             "how a card multiplies; the processor knows float32 alone");
    t.integer("prompts", &o.prompts, 1, 100000000, "", "prompts of the memory plan");
    t.integer("prompt-tokens", &o.prompt_tokens, 1, 1000000, "tokens", "length of each of them");
    declare(t, o.machine);
}

std::string rope_text(const transformer::RopeSpec& rope) {
    std::string text = transformer::rope_names()[static_cast<std::size_t>(rope.kind)];
    text.append(", theta ").append(format_real(rope.theta));
    if (rope.share < 1.0) text.append(", share of a head ").append(format_real(rope.share));
    if (rope.kind == transformer::RopeKind::kDefault) return text;
    text.append(", factor ").append(format_real(rope.factor));
    if (rope.kind == transformer::RopeKind::kLlama3)
        text.append(", low ")
            .append(format_real(rope.low_freq_factor))
            .append(", high ")
            .append(format_real(rope.high_freq_factor));
    if (rope.kind == transformer::RopeKind::kLinear || rope.kind == transformer::RopeKind::kDynamic)
        return text;
    return text.append(", original context ").append(format_real(rope.original_context));
}

/// Every kind of rotation with its layers.
std::string ropes_text(const ModelConfig& c) {
    std::string text;
    for (std::size_t k = 0; k < c.ropes.size(); ++k) {
        if (k > 0) text += "; ";
        text += rope_text(c.ropes[k]);
    }
    if (c.rope_of_layer.empty()) return text;
    text += text.empty() ? "none in layers" : "; by layer";
    for (const int which : c.rope_of_layer)
        text.append(" ").append(which < 0 ? "none" : std::to_string(which + 1));
    return text;
}

std::string window_text(const std::vector<Index>& window) {
    std::string text;
    bool any = false;
    for (const Index w : window) {
        any = any || w > 0;
        text.append(text.empty() ? "" : " ").append(w > 0 ? std::to_string(w) : "all");
    }
    return any ? text : "all";
}

void print_config(std::ostream& out, const ModelConfig& c) {
    const auto yes = [](bool value) { return value ? "yes" : "no"; };
    out << "architecture   " << c.architecture << "\nd              " << c.hidden
        << ", feed-forward " << c.ffn << "\nlayers         " << c.layers << "\nheads          "
        << c.heads << " of " << c.head_size << ", key and value heads " << c.kv_heads
        << "\nV              " << c.vocabulary << "\ncontext        " << c.context
        << ", attends to " << window_text(c.window) << "\nrope           " << ropes_text(c)
        << "\nnorm epsilon   " << format_real(c.norm.epsilon) << "\nhead tied      " << yes(c.tied)
        << "\nbiases         q, k, v " << yes(c.qkv_bias) << ", attention output "
        << yes(c.output_bias) << ", feed-forward " << yes(c.mlp_bias) << "\nparameters     "
        << c.parameters() << "\n";
}

void print_files(std::ostream& out, const transformer::Checkpoint& checkpoint) {
    out << "type           " << checkpoint.layer(0)[transformer::Part::kOutput].dtype_name
        << " (layer 0, attention output), " << checkpoint.embedding().dtype_name
        << " (token embedding)\n";
    if (const std::string note = transformer::left_out_text(checkpoint); !note.empty())
        out << "not read       " << note << "\n";
    const auto hash = transformer::hash_model(checkpoint);
    for (const auto& file : hash.files)
        out << "file           " << file.name << ", " << file.bytes << " bytes, hash " << file.hash
            << (file.sampled ? " (sampled)" : "") << "\n";
    out << "hash           " << hash.hash << ": " << hash.method << "\n";
}

double mib(std::size_t bytes) { return static_cast<double>(bytes) / 1048576.0; }

void print_card_memory(std::ostream& out, const ModelConfig& c, const InspectOptions& o) {
    const auto plan = transformer::cuda_plan(c, o.arithmetic.precision, o.prompt_tokens);
    out << std::fixed << std::setprecision(1) << "memory         " << mib(plan.total())
        << " MiB on the card: two layers " << mib(plan.layers) << ", hidden states of "
        << plan.chunk_tokens << " tokens " << mib(plan.hidden) << ", work on " << plan.batch_tokens
        << " of them " << mib(plan.work) << ", buffers " << mib(plan.staging) << "\n"
        << std::defaultfloat;
}

void print_memory(std::ostream& out, const ModelConfig& c, const InspectOptions& o) {
    if (o.arithmetic.device == Device::kCuda) return print_card_memory(out, c, o);
    const Index tokens = std::min(o.prompts * o.prompt_tokens,
                                  transformer::preferred_tokens(c, o.arithmetic) + o.prompt_tokens);
    const auto plan =
        transformer::memory_plan(c, o.prompts, tokens, o.prompt_tokens, omp_get_max_threads());
    out << std::fixed << std::setprecision(1) << "memory         " << mib(plan.total())
        << " MiB beside the mapped file for " << o.prompts << " prompts of " << o.prompt_tokens
        << " tokens on " << omp_get_max_threads() << " threads: a layer " << mib(plan.layer)
        << ", hidden states of a chunk " << mib(plan.hidden) << ", work " << mib(plan.work)
        << ", result " << mib(plan.result) << "\n"
        << std::defaultfloat;
}

void print_tokenizer(std::ostream& out, const text::Tokenizer& tokenizer) {
    const auto& bos = tokenizer.special().bos;
    out << "tokeniser      " << tokenizer.kind() << ", " << tokenizer.size() << " tokens, bos "
        << (bos ? std::to_string(*bos) + " " + text::in_quotes(tokenizer.piece(*bos)) : "none")
        << ", hash " << tokenizer.hash() << "\n";
    if (!tokenizer.note().empty()) out << "               " << tokenizer.note() << "\n";
}

transformer::TokenIds ids_of(const text::Tokenizer& tokenizer, const InspectOptions& o) {
    transformer::TokenIds ids = tokenizer.encode(o.prompt);
    if (!puts_bos(o.bos, tokenizer)) return ids;
    if (!tokenizer.special().bos) throw InputError("bos is asked for, but the tokeniser has none");
    ids.insert(ids.begin(), *tokenizer.special().bos);
    return ids;
}

void print_continuation(std::ostream& out, const transformer::Transformer& model,
                        const text::Tokenizer& tokenizer, const InspectOptions& o) {
    text::require_vocabulary(tokenizer, static_cast<text::Token>(model.config().vocabulary),
                             o.model);
    transformer::TokenIds ids = ids_of(tokenizer, o);
    out << bos_text(o.bos, puts_bos(o.bos, tokenizer)) << "\n";
    const auto more = model.greedy(ids, o.tokens_out, o.arithmetic);
    ids.insert(ids.end(), more.begin(), more.end());
    out << "continuation   " << tokenizer.decode(ids) << "\n";
}

int run_inspect(InspectOptions& options, const ParameterTable&, std::ostream& out) {
    options.arithmetic.device = apply(options.machine);
    transformer::require_precision(options.arithmetic);
    const transformer::Transformer model(options.model, options.base);
    print_config(out, model.config());
    print_files(out, model.checkpoint());
    print_memory(out, model.config(), options);
    try {
        const auto tokenizer = text::load_tokenizer(model.checkpoint().tokenizer_folder());
        print_tokenizer(out, *tokenizer);
        if (!options.prompt.empty()) print_continuation(out, model, *tokenizer, options);
    } catch (const InputError& error) {
        if (!options.prompt.empty()) throw;
        out << "tokeniser      none that is read: " << error.what() << "\n";
    }
    return 0;
}

}  // namespace

Command inspect_command() {
    return make_command("inspect",
                        "show what a model folder holds, the memory it needs, and how it goes on",
                        run_inspect);
}

}  // namespace prefdyn
