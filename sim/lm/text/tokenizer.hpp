#pragma once
// Text to token ids and back, exactly as the model's own tokeniser does it, or an InputError that
// says what cannot be done exactly.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/lm/text/tokenizer/bpe.hpp"

namespace prefdyn::text {

struct SpecialTokens {
    std::optional<Token> bos, eos;
    std::optional<bool> adds_bos;  ///< whether the published set-up puts bos first by itself
};

class Tokenizer {
  public:
    virtual ~Tokenizer() = default;

    /// Ids of well-formed UTF-8; nothing is put in front or behind.
    virtual std::vector<Token> encode(std::string_view text) const = 0;
    /// The bytes that the ids stand for; part of a character where they end inside one.
    virtual std::string decode(const std::vector<Token>& ids) const = 0;
    /// As the vocabulary writes it, e.g. "ĠYes" or "▁Yes".
    virtual std::string piece(Token id) const = 0;
    /// Ids are 0 .. size() - 1.
    virtual Token size() const = 0;
    /// The id whose piece is exactly this.
    virtual std::optional<Token> find(std::string_view piece) const = 0;
    virtual std::string kind() const = 0;

    const SpecialTokens& special() const { return special_; }
    /// Of the tokeniser's file; two equal hashes give equal ids.
    const std::string& hash() const { return hash_; }
    /// What the user should know about its files, empty if nothing.
    const std::string& note() const { return note_; }
    void set_note(const std::string& note) { note_ = note; }

  protected:
    SpecialTokens special_;
    std::string hash_, note_;
};

/// A file, or a folder with tokenizer.json (taken first, as transformers does) or tokenizer.model
/// (SentencePiece). Names of special tokens are read from tokenizer_config.json or
/// special_tokens_map.json beside it. A tokenizer.json that is not known gives way to a
/// tokenizer.model beside it, which the note says; it also says where the two give other ids.
std::unique_ptr<Tokenizer> load_tokenizer(const std::string& path);

/// Throws InputError unless every id of the tokeniser is below the model's vocabulary size.
void require_vocabulary(const Tokenizer& tokenizer, Token vocabulary, const std::string& place);

/// Throws InputError unless 0 <= id < size.
void require_token(Token id, Token size);

}  // namespace prefdyn::text
