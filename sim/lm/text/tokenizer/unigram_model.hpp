#pragma once
#include <optional>

#include "sim/lm/text/tokenizer/word_model.hpp"

namespace prefdyn::text {

/// Of all ways to write a text in pieces the one with the highest sum of scores.
class UnigramModel final : public WordModel {
  public:
    UnigramModel(const Json& description, const std::string& place);
    std::vector<Token> encode(const std::string& piece) const override;

  private:
    std::vector<std::string> best_pieces(const std::string& text) const;
    std::vector<double> score_;
    std::optional<Token> unknown_;
    double unknown_score_ = 0.0;
    std::size_t longest_ = 0;  ///< bytes of the longest piece
};

}  // namespace prefdyn::text
