#pragma once
// The "model" of a tokenizer.json: vocabulary and merges of byte-level BPE.

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/tokenizer/bpe.hpp"

namespace prefdyn::text {

class BpeModel {
  public:
    BpeModel(const Json& description, const std::string& place);

    /// Ids of one piece of the pre-tokeniser, given as bytes.
    std::vector<Token> encode(const std::string& bytes) const;

    const std::unordered_map<std::string, Token>& vocabulary() const { return vocabulary_; }

  private:
    void require_kind(const Json& description, const std::string& place) const;
    void read_vocabulary(const Json& description, const std::string& place);
    void read_merges(const Json& description, const std::string& place);
    void add_merge(const std::string& left, const std::string& right, const std::string& place);
    Token require_piece(const std::string& piece, const std::string& place) const;

    std::unordered_map<std::string, Token> vocabulary_;
    Merges merges_;
    std::array<Token, 256> byte_token_{};  ///< -1: the vocabulary has no such piece
    bool ignore_merges_ = false;
};

}  // namespace prefdyn::text
