#pragma once
// The normaliser of a tokenizer.json.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/tokenizer/split_pattern.hpp"

namespace prefdyn::text {

/// Canonical composition (NFC) of well-formed UTF-8.
std::string compose(std::string_view text);

/// Known are NFC, NFD, NFKC, NFKD, Lowercase, Replace, Prepend, and sequences of them.
class Normalizer {
  public:
    /// Null: the text stays as it is.
    Normalizer(const Json* description, const std::string& place);
    std::string apply(std::string_view text) const;

  private:
    struct Step {
        enum class Kind { kUnicode, kLowercase, kReplace, kPrepend } kind;
        std::string form, content;              ///< nfc ...; what is put in
        std::shared_ptr<SplitPattern> pattern;  ///< what is replaced
    };
    void read(const Json& description, const std::string& place);
    std::vector<Step> steps_;
};

}  // namespace prefdyn::text
