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

/// Known are NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, Prepend, BertNormalizer
/// and sequences of them.
class Normalizer {
  public:
    /// Null: the text stays as it is.
    Normalizer(const Json* description, const std::string& place);
    std::string apply(std::string_view text) const;

  private:
    struct Step {
        enum class Kind {
            kUnicode,
            kLowercase,
            kReplace,
            kPrepend,
            kStrip,
            kClean,    ///< controls out, white space as spaces
            kChinese,  ///< a space on either side of an ideograph
            kAccents,  ///< marks that take no space out
            kMarks,    ///< every mark out
        } kind;
        std::string form = {}, content = {};         ///< nfc ...; what is put in
        std::shared_ptr<SplitPattern> pattern = {};  ///< what is replaced
        bool left = false, right = false;            ///< where white space goes
    };
    void read(const Json& description, const std::string& place);
    void read_bert(const Json& description, const std::string& place);
    std::vector<Step> steps_;
};

}  // namespace prefdyn::text
