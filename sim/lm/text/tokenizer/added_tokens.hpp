#pragma once
// The added tokens of a tokenizer.json: cut out of the text before anything else looks at it.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/tokenizer/bpe.hpp"

namespace prefdyn::text {

struct AddedToken {
    std::string content;
    Token id = -1;
    bool special = false;
    bool normalized = false;              ///< looked for after normalisation
    bool single_word = false;             ///< only where no word character is beside it
    bool lstrip = false, rstrip = false;  ///< takes the white space before it, behind it
};

std::vector<AddedToken> read_added_tokens(const Json& document, const std::string& place);

/// A stretch of text, or one added token.
struct Segment {
    std::string_view text;
    Token token = -1;  ///< -1: text
};

/// Finds added tokens: from left to right, the longest that starts at a place. White space that a
/// token takes is part of its segment.
class AddedTokenFinder {
  public:
    void insert(const AddedToken& token, std::string content);

    std::vector<Segment> split(std::string_view text) const;

  private:
    struct Entry {
        std::string content;
        AddedToken token;
    };
    const Entry* longest_at(std::string_view text) const;
    std::map<char, std::vector<Entry>> by_first_byte_;  ///< each list longest first
};

}  // namespace prefdyn::text
