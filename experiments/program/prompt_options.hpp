#pragma once
// Preference data and how its prompts are written: what tokenize and embed are asked alike.

#include <string>
#include <vector>

#include "experiments/program/parameter_table.hpp"
#include "sim/lm/text/prompts.hpp"

namespace prefdyn {

struct PromptOptions {
    std::vector<std::string> data;
    std::string prompt_template = "{prompt}", suffix, first, second;
    bool bos = false;
    double min_confidence = 0.0;
};

void declare(ParameterTable& table, PromptOptions& options);

/// Throws InputError if a backslash is followed by anything but n, t or a backslash.
text::PromptFormat format_of(const PromptOptions& options);

/// Every file that `data` names, in its order. Throws InputError if two have one name.
std::vector<text::PreferenceData> read_data(const PromptOptions& options);

}  // namespace prefdyn
