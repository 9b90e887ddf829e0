#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/tokenizer/bpe.hpp"

namespace prefdyn::text {

/// The "model" of a tokenizer.json: from one piece of the pre-tokeniser to ids.
class WordModel {
  public:
    using Vocabulary = std::unordered_map<std::string, Token>;
    virtual ~WordModel() = default;
    virtual std::vector<Token> encode(const std::string& piece) const = 0;
    const Vocabulary& vocabulary() const { return vocabulary_; }
    bool byte_fallback() const { return byte_fallback_; }

  protected:
    /// `vocab`, an object of ids by piece, not empty.
    void read_vocabulary(const Json& description, const std::string& place);
    /// The ids of "<0x00>" and the like for every byte of `text`; empty unless all are there.
    std::vector<Token> bytes_of(const std::string& text) const;
    Vocabulary vocabulary_;
    bool byte_fallback_ = false;
};

/// BPE, Unigram, WordPiece or WordLevel. `bytes`: pieces come spelled in the byte alphabet.
std::unique_ptr<WordModel> read_word_model(const Json& description, bool bytes,
                                           const std::string& place);

}  // namespace prefdyn::text
