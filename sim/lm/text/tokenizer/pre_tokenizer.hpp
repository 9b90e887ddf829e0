#pragma once
// The pre-tokeniser of a tokenizer.json: from a normalised text to the pieces the model sees.

#include <string>
#include <string_view>
#include <vector>

#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/tokenizer/split_pattern.hpp"

namespace prefdyn::text {

/// What becomes of the matches of a pattern, as the tokenizers library names it.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// The pieces, none empty.
std::vector<std::string_view> split(const std::vector<Part>& parts, SplitBehavior behavior);

/// Known are ByteLevel, Split, Digits, Punctuation, Metaspace, Whitespace, WhitespaceSplit,
/// BertPreTokenizer and sequences of them.
class PreTokenizer {
  public:
    /// Null: a text is one piece.
    PreTokenizer(const Json* description, const std::string& place);

    /// None empty. `begins`: the text is the beginning of all that is encoded.
    std::vector<std::string> split(std::string_view text, bool begins) const;

    bool byte_level() const { return byte_level_; }  ///< pieces are spelled in the byte alphabet
    bool metaspace() const { return metaspace_; }    ///< spaces are written as U+2581

  private:
    struct Stage {
        enum class Kind { kSplit, kPunctuation, kByteLevel, kMetaspace } kind = Kind::kSplit;
        std::shared_ptr<SplitPattern> pattern;  ///< null: no split
        SplitBehavior behavior = SplitBehavior::kIsolated;
        bool invert = false;
        bool prefix = false, prefix_first = false;  ///< a space in front, or of the first piece
    };
    struct Piece {
        std::string text;
        bool begins;
    };
    void read(const Json& description, const std::string& place);
    void read_split(const Json& description, const std::string& place);
    void read_byte_level(const Json& description, const std::string& place);
    void read_metaspace(const Json& description, const std::string& place);
    void add_pattern(const char* pattern, SplitBehavior behavior, const std::string& place);
    static void apply(const Stage& stage, const Piece& piece, std::vector<Piece>& out);

    std::vector<Stage> stages_;
    bool byte_level_ = false, metaspace_ = false;
};

}  // namespace prefdyn::text
