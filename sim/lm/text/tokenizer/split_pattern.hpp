#pragma once
// The regular expressions of pre-tokenisers. Published ones are written for Oniguruma; the part of
// its language that PCRE2 reads with the same meaning is translated, the rest is refused by name.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/lm/text/json_input.hpp"

namespace prefdyn::text {

/// `published` in PCRE2's language. \s becomes the explicit list of White_Space characters, because
/// the two libraries disagree on U+180E. Throws InputError naming what cannot be translated.
std::string translate_pattern(std::string_view published, const std::string& place);

/// A match of a pattern, or what lies between two.
struct Part {
    std::string_view text;
    bool matched = false;
};

class SplitPattern {
  public:
    SplitPattern(std::string_view published, const std::string& place);
    /// A pattern in PCRE2's own language.
    static SplitPattern native(const std::string& pattern, const std::string& place);

    /// Matches and what lies between them, in order, none empty; `text` is well-formed UTF-8.
    std::vector<Part> parts(std::string_view text) const;

  private:
    SplitPattern() = default;
    std::shared_ptr<void> code_;  ///< the compiled pattern
    std::string place_;
};

/// The "pattern" of a step: {"Regex": ...}, or {"String": ...} for the characters themselves.
std::shared_ptr<SplitPattern> read_pattern(const Json& step, const std::string& place);

/// Offset of the first code point that the library's version of Unicode does not assign: which
/// class it belongs to, and so where a pattern splits, depends on the version.
std::optional<std::size_t> unassigned(std::string_view text);

/// Version of Unicode in the library, e.g. "14.0.0".
std::string unicode_version();

}  // namespace prefdyn::text
