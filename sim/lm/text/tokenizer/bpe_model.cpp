#include "sim/lm/text/tokenizer/bpe_model.hpp"

#include "sim/base/failure.hpp"
#include "sim/lm/text/tokenizer/byte_alphabet.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

void refuse_text(const Json& model, const char* key, const std::string& place) {
    if (find_member(model, key, place) && !text_member(model, key, place).empty())
        throw InputError(place + "/" + key + ": is " + in_quotes(text_member(model, key, place)) +
                             ", known is only an empty one",
                         kElsewhere);
}

std::pair<std::string, std::string> merge_pair(const Json& merge, const std::string& place) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
        return {merge[0].get<std::string>(), merge[1].get<std::string>()};
    if (merge.is_string()) {
        const auto& text = merge.get_ref<const std::string&>();
        const auto space = text.find(' ');
        if (space != text.npos && text.find(' ', space + 1) == text.npos)
            return {text.substr(0, space), text.substr(space + 1)};
    }
    throw InputError(place + ": a merge is " + in_quotes(merge.dump()) +
                     ", expected two pieces, as \"a b\" or [\"a\", \"b\"]");
}

}  // namespace

BpeModel::BpeModel(const Json& description, bool bytes, const std::string& place) : bytes_(bytes) {
    require_kind(description, place);
    read_vocabulary(description, place);
    read_merges(description, place);
    byte_fallback_ = flag_member(description, "byte_fallback", false, place);
    fuse_unknown_ = flag_member(description, "fuse_unk", false, place);
    ignore_merges_ = flag_member(description, "ignore_merges", false, place);
    if (find_member(description, "unk_token", place))
        unknown_ =
            require_piece(text_member(description, "unk_token", place), place + "/unk_token");
}

void BpeModel::require_kind(const Json& model, const std::string& place) const {
    if (find_member(model, "dropout", place) && number_member(model, "dropout", place) != 0.0)
        throw InputError(place + "/dropout: is " + member(model, "dropout", place).dump() +
                             ", with dropout the ids are random",
                         "set it to null");
    refuse_text(model, "continuing_subword_prefix", place);
    refuse_text(model, "end_of_word_suffix", place);
}

void BpeModel::read_merges(const Json& model, const std::string& place) {
    const std::string here = place + "/merges";
    const Json& merges = member(model, "merges", place);
    require_array(merges, here);
    for (std::size_t k = 0; k < merges.size(); ++k) {
        const std::string line = here + "/" + std::to_string(k);
        const auto [left, right] = merge_pair(merges[k], line);
        add_merge(left, right, line);
    }
}

Token BpeModel::require_piece(const std::string& piece, const std::string& place) const {
    const auto found = vocabulary_.find(piece);
    if (found != vocabulary_.end()) return found->second;
    throw InputError(place + ": the piece " + in_quotes(piece) + " is not in the vocabulary",
                     "merges and vocabulary must come from the same model");
}

void BpeModel::add_merge(const std::string& left, const std::string& right,
                         const std::string& place) {
    const Token a = require_piece(left, place), b = require_piece(right, place);
    if (!merges_.add(a, b, require_piece(left + right, place)))
        throw InputError(place + ": the pair " + in_quotes(left) + ", " + in_quotes(right) +
                         " is given twice");
}

void BpeModel::refuse(const std::string& piece, const std::string& character) const {
    const auto bytes = bytes_ ? piece_bytes(character) : std::nullopt;
    throw InputError("in the text " +
                     in_quotes(bytes_ ? piece_bytes(piece).value_or(piece) : piece) +
                     ": the vocabulary has no piece for " +
                     (bytes ? "byte " + std::to_string(static_cast<unsigned char>(bytes->front()))
                            : in_quotes(character) + ", and none for what is unknown"));
}

/// A token for what is unknown comes behind the bytes that follow it, as the tokenizers library has
/// it: only a known character or another unknown one puts it down.
std::vector<Token> BpeModel::symbols_of(const std::string& piece) const {
    std::vector<Token> out;
    bool waiting = false;
    const auto put_unknown = [&] {
        if (waiting) out.push_back(*unknown_);
        waiting = false;
    };
    for (std::size_t at = 0; at < piece.size();) {
        const std::size_t from = at;
        next_code_point(piece, at);
        const std::string character = piece.substr(from, at - from);
        if (const auto found = vocabulary_.find(character); found != vocabulary_.end()) {
            put_unknown();
            out.push_back(found->second);
            continue;
        }
        if (byte_fallback_)
            if (const auto ids = bytes_of(character); !ids.empty()) {
                out.insert(out.end(), ids.begin(), ids.end());
                continue;
            }
        if (!unknown_) refuse(piece, character);
        if (!fuse_unknown_) put_unknown();
        waiting = true;
    }
    put_unknown();
    return out;
}

std::vector<Token> BpeModel::encode(const std::string& piece) const {
    if (ignore_merges_)
        if (const auto whole = vocabulary_.find(piece); whole != vocabulary_.end())
            return {whole->second};
    return merges_.apply(symbols_of(piece));
}

}  // namespace prefdyn::text
