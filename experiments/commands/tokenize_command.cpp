#include <ostream>

#include "experiments/commands/command.hpp"
#include "experiments/program/prompt_options.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn {

namespace {

struct TokenizeOptions {
    std::string model, text;
    PromptOptions prompts;
};

void declare(ParameterTable& t, TokenizeOptions& o) {
    t.text("model", &o.model, "tokenizer.model or tokenizer.json, or a folder with one", true);
    t.text("text", &o.text, "text to show the tokens of, as it is");
    declare(t, o.prompts);
}

std::string special_text(const text::Tokenizer& tokenizer, const std::optional<text::Token>& id) {
    return id ? std::to_string(*id) + " " + text::in_quotes(tokenizer.piece(*id)) : "none";
}

void print_tokenizer(std::ostream& out, const text::Tokenizer& tokenizer) {
    const auto& special = tokenizer.special();
    out << tokenizer.kind() << ", " << tokenizer.size() << " tokens, hash " << tokenizer.hash()
        << "\nbos " << special_text(tokenizer, special.bos) << ", eos "
        << special_text(tokenizer, special.eos) << ", bos put first by itself: "
        << (!special.adds_bos   ? "not known"
            : *special.adds_bos ? "yes"
                                : "no")
        << "\n";
    if (!tokenizer.note().empty()) out << tokenizer.note() << "\n";
}

void print_tokens(std::ostream& out, const text::Tokenizer& tokenizer,
                  const std::vector<text::Token>& ids) {
    for (const text::Token id : ids)
        out << "  " << id << "\t" << text::in_quotes(tokenizer.piece(id)) << "\n";
}

void print_data(std::ostream& out, const text::Tokenizer& tokenizer,
                const text::PreferenceData& data, const text::PromptFormat& format) {
    const auto got = text::tokenize(tokenizer, data, format);
    out << data.path << ": " << got.prompts.size() << " prompts, " << data.filtered
        << " filtered, longest " << got.longest() << " tokens, hash " << got.hash() << "\n";
    for (const auto k : {0u, 1u})
        out << (k == 0 ? "first" : "second") << " answer " << text::in_quotes(got.pair.text[k])
            << ": token " << special_text(tokenizer, got.pair.token[k]) << "\n";
    out << "shared before it, appended to every prompt: " << got.pair.shared.size() << "\n";
    print_tokens(out, tokenizer, got.pair.shared);
    out << "prompt of line " << got.line[0] << ", label " << int{got.label[0]} << ":\n";
    print_tokens(out, tokenizer, got.prompts[0]);
}

int run_tokenize(TokenizeOptions& options, const ParameterTable&, std::ostream& out) {
    const auto tokenizer = text::load_tokenizer(options.model);
    print_tokenizer(out, *tokenizer);
    if (!options.text.empty()) print_tokens(out, *tokenizer, tokenizer->encode(options.text));
    if (options.prompts.data.empty()) return 0;
    const text::PromptFormat format = format_of(options.prompts, *tokenizer);
    out << bos_text(options.prompts.bos, format.bos) << "\n";
    for (const auto& data : read_data(options.prompts)) print_data(out, *tokenizer, data, format);
    return 0;
}

}  // namespace

Command tokenize_command() {
    return make_command("tokenize",
                        "show the token ids of a text, or of the prompts of preference data",
                        run_tokenize);
}

}  // namespace prefdyn
