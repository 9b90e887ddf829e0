#include "experiments/program/prompt_options.hpp"

#include <map>

#include "sim/base/failure.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn {

namespace {

/// \n and \t as typed in a shell or a config file; \\ is a backslash.
std::string unescape(const std::string& name, const std::string& text) {
    std::string out;
    for (std::size_t k = 0; k < text.size(); ++k) {
        if (text[k] != '\\') {
            out += text[k];
            continue;
        }
        const auto at = k + 1 < text.size() ? std::string_view("nt\\").find(text[++k]) : 3;
        if (at > 2)
            throw InputError(name + ": " + text::in_quotes(text) +
                             ", allowed after a backslash are n, t and \\");
        out += "\n\t\\"[at];
    }
    return out;
}

void require_distinct(const std::vector<text::PreferenceData>& all) {
    std::map<std::string, std::string> path_of;
    for (const auto& data : all)
        if (!path_of.emplace(data.name, data.path).second)
            throw InputError(data.path + ": the behaviour '" + data.name + "' comes from " +
                                 path_of[data.name] + " already",
                             "every file makes one behaviour, named after it");
}

}  // namespace

void declare(ParameterTable& t, BosOptions& o) {
    t.flag("bos", &o.bos,
           "put the beginning-of-sequence token first; without --bos and --no-bos it is done as "
           "the tokeniser does it by itself");
    t.flag("no-bos", &o.no_bos, "do not put it first");
    t.rule([&o](const ParameterTable&) {
        return std::string(o.bos && o.no_bos ? "--bos and --no-bos exclude each other" : "");
    });
}

bool puts_bos(const BosOptions& options, const text::Tokenizer& tokenizer) {
    if (options.bos || options.no_bos) return options.bos;
    const auto own = tokenizer.special().adds_bos;
    if (!own)
        throw InputError("whether the tokeniser (" + tokenizer.kind() +
                             ") puts the beginning-of-sequence token first is not said in its "
                             "files, and programs disagree",
                         "give --bos or --no-bos");
    return *own;
}

std::string bos_text(const BosOptions& options, bool bos) {
    const bool chosen = options.bos || options.no_bos;
    return std::string("bos put first: ") + (bos ? "yes" : "no") +
           (chosen ? ", as asked for" : ", as the tokeniser does");
}

void declare(ParameterTable& t, PromptOptions& o) {
    t.texts("data", &o.data, "preference data: .jsonl files, or folders of them");
    t.text("template", &o.prompt_template,
           "text around {prompt}; \\n, \\t and \\\\ are read as newline, tab, backslash");
    t.text("suffix", &o.suffix, "text behind the template, written likewise");
    declare(t, o.bos);
    t.text("first", &o.first, "first answer (label +1); empty: as the data has it");
    t.text("second", &o.second, "second answer (label -1)");
    t.real("min-confidence", &o.min_confidence, 0.0, 1.0, false, "",
           "drop lines with a lower label_confidence");
}

std::string suffix_of(const PromptOptions& options) { return unescape("suffix", options.suffix); }

text::PromptFormat format_of(const PromptOptions& options, const text::Tokenizer& tokenizer) {
    return {puts_bos(options.bos, tokenizer),
            unescape("template", options.prompt_template),
            suffix_of(options),
            {unescape("first", options.first), unescape("second", options.second)}};
}

std::vector<text::PreferenceData> read_data(const PromptOptions& options) {
    std::vector<text::PreferenceData> out;
    for (const std::string& path : options.data)
        for (auto& data : text::read_preferences(path, {options.min_confidence, {}}))
            out.push_back(std::move(data));
    require_distinct(out);
    return out;
}

}  // namespace prefdyn
