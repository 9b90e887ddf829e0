#include "sim/lm/text/tokenizer/sentencepiece_tokenizer.hpp"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <exception>

#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

class SentencePieceTokenizer final : public Tokenizer {
  public:
    SentencePieceTokenizer(const std::string& bytes, const TokenizerConfig& config,
                           const std::string& place) {
        load(bytes, place);
        hash_ = content_hash(bytes);
        special_ = resolve(config, *this);
        if (!special_.bos && processor_.bos_id() >= 0) special_.bos = processor_.bos_id();
        if (!special_.eos && processor_.eos_id() >= 0) special_.eos = processor_.eos_id();
        if (!special_.adds_bos && !config.has_settings)
            special_.adds_bos = processor_.bos_id() >= 0;
        collect_reserved(config, place);
    }

    std::vector<Token> encode(std::string_view text) const override {
        require_exact(text);
        std::vector<int> ids;
        check(processor_.Encode(text, &ids), "encoding " + in_quotes(text));
        return {ids.begin(), ids.end()};
    }

    std::string decode(const std::vector<Token>& ids) const override {
        for (const Token id : ids) require_token(id, size());
        std::string text;
        check(processor_.Decode(std::vector<int>(ids.begin(), ids.end()), &text), "decoding");
        return text;
    }

    std::string piece(Token id) const override {
        require_token(id, size());
        return processor_.IdToPiece(id);
    }

    Token size() const override { return processor_.GetPieceSize(); }

    std::optional<Token> find(std::string_view piece) const override {
        const int id = processor_.PieceToId(piece);
        if (id < 0 || id >= size() || processor_.IdToPiece(id) != piece) return std::nullopt;
        return id;
    }

    std::string kind() const override { return "SentencePiece"; }

  private:
    /// The library reports some damage as a status and some as an exception of its trie.
    void load(const std::string& bytes, const std::string& place) {
        std::string why;
        try {
            const auto status = processor_.LoadFromSerializedProto(bytes);
            if (!status.ok()) why = status.ToString();
        } catch (const std::exception& error) {
            why = error.what();
        }
        if (!why.empty())
            throw InputError(place + ": not a SentencePiece model: " + in_quotes(why, 200),
                             "a tokenizer.json may be beside it; is the file truncated?");
    }

    static void check(const sentencepiece::util::Status& status, const std::string& what) {
        if (!status.ok()) throw InputError("SentencePiece, " + what + ": " + status.ToString());
    }

    void collect_reserved(const TokenizerConfig& config, const std::string& place) {
        for (Token id = 0; id < size(); ++id)
            if (processor_.IsControl(id) || processor_.IsUnknown(id))
                reserved_.push_back(processor_.IdToPiece(id));
        for (const std::string& content : config.added) {
            const auto id = find(content);
            if (!id || processor_.IsControl(*id) || processor_.IsUnknown(*id))
                reserved_.push_back(content);
        }
        if (std::find(reserved_.begin(), reserved_.end(), "") != reserved_.end())
            throw InputError(place + ": a control or added token has an empty name");
    }

    void require_exact(std::string_view text) const {
        require_utf8(text);
        for (const std::string& name : reserved_)
            if (text.find(name) != text.npos)
                throw InputError("the text holds " + in_quotes(name) +
                                     ", which SentencePiece reads as characters and other programs "
                                     "as the token of that name",
                                 "use the option for the beginning of the sequence, or make the "
                                 "token ids elsewhere and give them with --tokens FILE.h5");
    }

    sentencepiece::SentencePieceProcessor processor_;
    std::vector<std::string> reserved_;
};

}  // namespace

std::unique_ptr<Tokenizer> sentencepiece_tokenizer(const std::string& model_bytes,
                                                   const TokenizerConfig& config,
                                                   const std::string& place) {
    return std::make_unique<SentencePieceTokenizer>(model_bytes, config, place);
}

}  // namespace prefdyn::text
