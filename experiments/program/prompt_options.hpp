#pragma once
// Preference data and how its prompts are written: what tokenize and embed are asked alike.

#include <string>
#include <vector>

#include "experiments/program/parameter_table.hpp"
#include "sim/lm/text/prompts.hpp"

namespace prefdyn {

/// Whether the beginning-of-sequence token comes first; neither: as the tokeniser does by itself.
struct BosOptions {
    bool bos = false, no_bos = false;
};

void declare(ParameterTable& table, BosOptions& options);

/// Throws InputError if the tokeniser does not say and the options do not either.
bool puts_bos(const BosOptions& options, const text::Tokenizer& tokenizer);

/// "bos put first: yes, as the tokeniser does", for the user.
std::string bos_text(const BosOptions& options, bool bos);

struct PromptOptions {
    std::vector<std::string> data;
    std::string prompt_template = "{prompt}", suffix, first, second;
    BosOptions bos;
    double min_confidence = 0.0;
};

void declare(ParameterTable& table, PromptOptions& options);

/// Throws InputError if a backslash is followed by anything but n, t or a backslash.
text::PromptFormat format_of(const PromptOptions& options, const text::Tokenizer& tokenizer);
/// The suffix as it is read.
std::string suffix_of(const PromptOptions& options);

/// Every file that `data` names, in its order. Throws InputError if two have one name.
std::vector<text::PreferenceData> read_data(const PromptOptions& options);

}  // namespace prefdyn
