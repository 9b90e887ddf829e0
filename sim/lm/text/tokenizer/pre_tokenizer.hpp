#pragma once
// The normaliser and the pre-tokeniser of a tokenizer.json: what happens to the text before BPE.

#include <string>
#include <string_view>
#include <vector>

#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/tokenizer/split_pattern.hpp"

namespace prefdyn::text {

/// Canonical composition (NFC) of well-formed UTF-8.
std::string compose(std::string_view text);

/// Known normalisers: none, NFC, and sequences of them. True if NFC is to be applied.
bool read_normalizer(const Json* normalizer, const std::string& place);

/// Known pre-tokenisers: ByteLevel, last, after any number of Split and Digits.
class PreTokenizer {
  public:
    PreTokenizer(const Json* description, const std::string& place);

    /// The pieces that BPE sees, as bytes, none empty.
    std::vector<std::string> split(std::string_view text) const;

  private:
    struct Stage {
        SplitPattern pattern;
        bool matches_only;
    };
    void read(const Json& description, const std::string& place);
    void read_split(const Json& description, const std::string& place);
    void read_byte_level(const Json& description, const std::string& place);

    std::vector<Stage> stages_;
    bool prefix_space_ = false;
    bool use_regex_ = false;
    bool byte_level_ = false;
};

}  // namespace prefdyn::text
