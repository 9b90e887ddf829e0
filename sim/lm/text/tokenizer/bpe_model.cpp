#include "sim/lm/text/tokenizer/bpe_model.hpp"

#include <limits>

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

BpeModel::BpeModel(const Json& description, const std::string& place) {
    require_kind(description, place);
    read_vocabulary(description, place);
    read_merges(description, place);
    ignore_merges_ = flag_member(description, "ignore_merges", false, place);
    for (unsigned b = 0; b < 256; ++b) {
        const auto found = vocabulary_.find(byte_character(static_cast<std::uint8_t>(b)));
        byte_token_[b] = found == vocabulary_.end() ? -1 : found->second;
    }
}

void BpeModel::require_kind(const Json& model, const std::string& place) const {
    if (find_member(model, "type", place) && text_member(model, "type", place) != "BPE")
        throw InputError(
            place + "/type: is " + in_quotes(text_member(model, "type", place)) + ", known is BPE",
            kElsewhere);
    if (flag_member(model, "byte_fallback", false, place))
        throw InputError(place + "/byte_fallback: a SentencePiece vocabulary written as JSON",
                         "use the tokenizer.model of the same model");
    if (find_member(model, "dropout", place) && number_member(model, "dropout", place) != 0.0)
        throw InputError(place + "/dropout: is " + member(model, "dropout", place).dump() +
                             ", with dropout the ids are random",
                         "set it to null");
    refuse_text(model, "continuing_subword_prefix", place);
    refuse_text(model, "end_of_word_suffix", place);
}

void BpeModel::read_vocabulary(const Json& model, const std::string& place) {
    const std::string here = place + "/vocab";
    const Json& vocab = member(model, "vocab", place);
    require_object(vocab, here);
    if (vocab.empty()) throw InputError(here + ": is empty");
    for (const auto& [piece, id] : vocab.items())
        vocabulary_[piece] = static_cast<Token>(integer_value(
            id, 0, std::numeric_limits<Token>::max() - 1, here + ", piece " + in_quotes(piece)));
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

std::vector<Token> BpeModel::encode(const std::string& bytes) const {
    if (ignore_merges_)
        if (const auto whole = vocabulary_.find(spell_bytes(bytes)); whole != vocabulary_.end())
            return {whole->second};
    std::vector<Token> symbols;
    for (const char c : bytes) {
        symbols.push_back(byte_token_[static_cast<unsigned char>(c)]);
        if (symbols.back() < 0)
            throw InputError("in the text " + in_quotes(bytes) +
                             ": the vocabulary has no piece for byte " +
                             std::to_string(static_cast<unsigned char>(c)));
    }
    return merges_.apply(symbols);
}

}  // namespace prefdyn::text
