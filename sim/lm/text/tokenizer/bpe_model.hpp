#pragma once
// Byte-pair encoding as a tokenizer.json describes it.

#include <optional>

#include "sim/lm/text/tokenizer/word_model.hpp"

namespace prefdyn::text {

class BpeModel final : public WordModel {
  public:
    /// `bytes`: pieces come spelled in the byte alphabet.
    BpeModel(const Json& description, bool bytes, const std::string& place);

    /// Characters that are no piece become their bytes, if the model does so, or the token for what
    /// is unknown.
    std::vector<Token> encode(const std::string& piece) const override;

  private:
    void require_kind(const Json& description, const std::string& place) const;
    void read_merges(const Json& description, const std::string& place);
    void add_merge(const std::string& left, const std::string& right, const std::string& place);
    Token require_piece(const std::string& piece, const std::string& place) const;
    std::vector<Token> symbols_of(const std::string& piece) const;
    [[noreturn]] void refuse(const std::string& piece, const std::string& character) const;

    Merges merges_;
    std::optional<Token> unknown_;
    bool fuse_unknown_ = false, ignore_merges_ = false, bytes_;
};

}  // namespace prefdyn::text
