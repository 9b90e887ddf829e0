#pragma once
// Preference data: one JSON object a line, in the form of the published persona evaluations or as
// prompt, chosen, rejected.

#include <array>
#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/failure.hpp"
#include "sim/lm/text/json_lines.hpp"

namespace prefdyn::text {

struct Preference {
    std::string prompt, chosen, rejected;
    std::optional<double> confidence;  ///< label_confidence, in [0, 1]
    std::size_t line = 0;              ///< in the file, from 1
};

struct PreferenceData {
    std::string name, path;
    bool persona = false;                ///< questions with two fixed answers
    std::array<std::string, 2> answers;  ///< they, of persona data: (" Yes", " No") and the like
    std::vector<Preference> lines;
    std::size_t filtered = 0;  ///< lines dropped by the confidence filter
    std::string hash;          ///< of the lines kept
};

struct PreferenceOptions {
    double min_confidence = 0.0;  ///< above 0: persona lines below it are dropped
    LineLimits limits = {};
};

/// One file, or every *.jsonl of a folder sorted by name; the name is the file's without .jsonl.
/// Throws InputError with file, line, value and hint.
std::vector<PreferenceData> read_preferences(const std::string& path,
                                             const PreferenceOptions& options = {});

/// The same from a stream; `path` is used in messages and for the name.
PreferenceData parse_preferences(std::istream& in, const std::string& path,
                                 const PreferenceOptions& options = {});

/// Runs `action`; an InputError of it gets the place of the line in front.
template <class Action>
void at_line(const PreferenceData& data, const Preference& line, Action action) {
    try {
        action();
    } catch (const InputError& error) {
        throw InputError(data.path + ", line " + std::to_string(line.line) + ": " + error.what(),
                         error.hint());
    }
}

}  // namespace prefdyn::text
