#pragma once
// Models that look pieces up: WordPiece, the longest beginning that is known after another, and
// WordLevel, a piece as it is.

#include "sim/lm/text/tokenizer/word_model.hpp"

namespace prefdyn::text {

class WordPieceModel final : public WordModel {
  public:
    WordPieceModel(const Json& description, const std::string& place);
    /// A piece that cannot be written in known pieces, or is too long, is unknown as a whole.
    std::vector<Token> encode(const std::string& piece) const override;

  private:
    Token unknown_;
    std::string prefix_;       ///< of pieces within a word
    std::size_t most_;         ///< characters of a word that is looked up
    std::size_t longest_ = 0;  ///< bytes of the longest piece
};

class WordLevelModel final : public WordModel {
  public:
    WordLevelModel(const Json& description, const std::string& place);
    std::vector<Token> encode(const std::string& piece) const override;

  private:
    Token unknown_;
};

}  // namespace prefdyn::text
