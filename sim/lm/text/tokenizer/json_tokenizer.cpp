#include "sim/lm/text/tokenizer/json_tokenizer.hpp"

#include <algorithm>
#include <cstdio>

#include "sim/base/failure.hpp"
#include "sim/lm/text/tokenizer/added_tokens.hpp"
#include "sim/lm/text/tokenizer/byte_alphabet.hpp"
#include "sim/lm/text/tokenizer/normalizer.hpp"
#include "sim/lm/text/tokenizer/post_processor.hpp"
#include "sim/lm/text/tokenizer/pre_tokenizer.hpp"
#include "sim/lm/text/tokenizer/word_model.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

class JsonTokenizer final : public Tokenizer {
  public:
    JsonTokenizer(const Json& document, const TokenizerConfig& config, const std::string& place,
                  const std::string& hash)
        : normalizer_(find_member(document, "normalizer", place), place + "/normalizer"),
          pre_tokenizer_(find_member(document, "pre_tokenizer", place), place + "/pre_tokenizer"),
          model_(read_word_model(member(document, "model", place), pre_tokenizer_.byte_level(),
                                 place + "/model")) {
        require_known_parts(document, place);
        std::vector<AddedToken> added = read_added_tokens(document, place);
        add_named_tokens(config, added);
        number_pieces(added, place);
        for (const AddedToken& token : added)
            (token.normalized ? normalized_ : raw_)
                .insert(token, token.normalized ? normalizer_.apply(token.content) : token.content);
        hash_ = hash;
        special_ = resolve(config, *this);
        apply_template(document, config, place);
    }

    std::vector<Token> encode(std::string_view text) const override {
        require_exact(text);
        require_no_foreign(text);
        std::vector<Token> out;
        for (const Segment& raw : raw_.split(text)) {
            if (raw.token >= 0) {
                out.push_back(raw.token);
                continue;
            }
            const std::string normal = normalizer_.apply(raw.text);
            for (const Segment& segment : normalized_.split(normal))
                if (segment.token >= 0)
                    out.push_back(segment.token);
                else
                    append_pieces(
                        segment.text,
                        raw.text.data() == text.data() && segment.text.data() == normal.data(),
                        out);
        }
        return out;
    }

    std::string decode(const std::vector<Token>& ids) const override {
        std::string out;
        for (const Token id : ids) {
            require_token(id, size());
            const auto k = static_cast<std::size_t>(id);
            out += is_added_[k] ? pieces_[k] : text_of(pieces_[k]);
        }
        return out;
    }

    std::string piece(Token id) const override {
        require_token(id, size());
        return pieces_[static_cast<std::size_t>(id)];
    }

    Token size() const override { return static_cast<Token>(pieces_.size()); }

    std::optional<Token> find(std::string_view piece) const override {
        const auto found = id_of_.find(std::string(piece));
        if (found == id_of_.end()) return std::nullopt;
        return found->second;
    }

    std::string kind() const override {
        return pre_tokenizer_.byte_level() ? "byte-level BPE" : "tokenizer.json";
    }

  private:
    /// What a piece stands for: bytes by their characters, or by a name such as <0x0A>, and U+2581
    /// for a space.
    std::string text_of(const std::string& piece) const {
        if (pre_tokenizer_.byte_level()) return piece_bytes(piece).value_or(piece);
        unsigned byte = 0;
        if (model_->byte_fallback() && piece.size() == 6 &&
            std::sscanf(piece.c_str(), "<0x%2X>", &byte) == 1)
            return std::string(1, static_cast<char>(byte));
        constexpr std::string_view kMark = "\u2581";
        std::string out;
        for (std::size_t at = 0; at < piece.size();)
            if (std::string_view(piece).substr(at).starts_with(kMark))
                out += ' ', at += kMark.size();
            else
                out += piece[at++];
        return out;
    }

    static void require_known_parts(const Json& document, const std::string& place) {
        for (const char* part : {"truncation", "padding"})
            if (find_member(document, part, place))
                throw InputError(place + "/" + part + ": is set, which would change the ids",
                                 "set it to null");
    }

    /// Tokens that files beside this one name are added tokens too. A piece of the vocabulary keeps
    /// its id; others would get ids that the model does not know, so texts must not hold them.
    void add_named_tokens(const TokenizerConfig& config, std::vector<AddedToken>& added) {
        for (const std::string& content : config.added) {
            const auto same = std::ranges::find(added, content, &AddedToken::content);
            const auto said = config.rules.find(content);
            const TokenRules rules = said == config.rules.end() ? TokenRules{} : said->second;
            const auto piece = model_->vocabulary().find(content);
            const bool here = same != added.end();
            if (here ? config.decoder.contains(content) && rules != rules_of(*same)
                     : piece == model_->vocabulary().end() || rules != TokenRules{})
                foreign_.push_back(content);
            else if (!here)
                added.push_back({.content = content, .id = piece->second, .special = true});
        }
    }

    static TokenRules rules_of(const AddedToken& token) {
        return {token.lstrip, token.rstrip, token.single_word, token.normalized};
    }

    void require_no_foreign(std::string_view text) const {
        for (const std::string& content : foreign_)
            if (text.find(content) != text.npos)
                throw InputError("the text holds " + in_quotes(content) +
                                     ", which a file beside tokenizer.json names as a token "
                                     "other than tokenizer.json has it",
                                 kElsewhere);
    }

    /// Fills pieces_ so that every id 0 .. n - 1 has exactly one.
    void number_pieces(const std::vector<AddedToken>& added, const std::string& place) {
        id_of_ = model_->vocabulary();
        for (const AddedToken& token : added) {
            const auto [entry, inserted] = id_of_.emplace(token.content, token.id);
            if (!inserted && entry->second != token.id)
                throw InputError(place + "/added_tokens: " + in_quotes(token.content) +
                                 " has the ids " + std::to_string(entry->second) + " and " +
                                 std::to_string(token.id));
        }
        std::vector<const std::string*> owner(id_of_.size(), nullptr);
        for (const auto& [piece, id] : id_of_) {
            const auto k = static_cast<std::size_t>(id);
            if (k >= owner.size())
                throw InputError(place + ": piece " + in_quotes(piece) + " has id " +
                                 std::to_string(id) + ", but there are only " +
                                 std::to_string(owner.size()) +
                                 " pieces: the ids have holes, or are given twice");
            if (owner[k])
                throw InputError(place + ": " + in_quotes(*owner[k]) + " and " + in_quotes(piece) +
                                 " both have id " + std::to_string(id));
            owner[k] = &piece;
        }
        for (const std::string* piece : owner) pieces_.push_back(*piece);
        is_added_.assign(pieces_.size(), false);
        for (const AddedToken& token : added) is_added_[static_cast<std::size_t>(token.id)] = true;
    }

    void apply_template(const Json& document, const TokenizerConfig& config,
                        const std::string& place) {
        const auto first = read_post_processor(find_member(document, "post_processor", place),
                                               *this, place + "/post_processor");
        if (first && config.bos && special_.bos != first)
            throw InputError(place + "/post_processor: puts " + in_quotes(piece(*first)) +
                             " first, but " + config.path + " names " + in_quotes(*config.bos));
        if (first) special_.bos = first;
        special_.adds_bos = first.has_value();
    }

    void append_pieces(std::string_view text, bool begins, std::vector<Token>& out) const {
        for (const std::string& piece : pre_tokenizer_.split(text, begins)) {
            const auto ids = model_->encode(piece);
            out.insert(out.end(), ids.begin(), ids.end());
        }
    }

    static void require_exact(std::string_view text) {
        require_utf8(text);
        if (const auto at = unassigned(text))
            throw InputError("text " + in_quotes(text) + ": the character at byte " +
                                 std::to_string(*at + 1) + ", " + in_quotes(text.substr(*at, 4)) +
                                 ", is not assigned in Unicode " + unicode_version() +
                                 ", so where it splits words depends on the version",
                             kElsewhere);
    }

    Normalizer normalizer_;
    PreTokenizer pre_tokenizer_;
    std::unique_ptr<WordModel> model_;
    AddedTokenFinder raw_, normalized_;
    std::unordered_map<std::string, Token> id_of_;  ///< of the model and of the added tokens
    std::vector<std::string> pieces_;
    std::vector<bool> is_added_;
    std::vector<std::string> foreign_;  ///< tokens that no id is known of
};

}  // namespace

std::unique_ptr<Tokenizer> json_tokenizer(const Json& document, const TokenizerConfig& config,
                                          const std::string& place, const std::string& hash) {
    return std::make_unique<JsonTokenizer>(document, config, place, hash);
}

}  // namespace prefdyn::text
