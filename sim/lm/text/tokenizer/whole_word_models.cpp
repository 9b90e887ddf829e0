#include "sim/lm/text/tokenizer/whole_word_models.hpp"

#include <algorithm>

#include "sim/base/failure.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

Token unknown_of(const Json& description, const WordModel::Vocabulary& vocabulary,
                 const std::string& place) {
    const std::string& name = text_member(description, "unk_token", place);
    const auto found = vocabulary.find(name);
    if (found != vocabulary.end()) return found->second;
    throw InputError(place + "/unk_token: " + in_quotes(name) + " is not in the vocabulary");
}

std::size_t characters(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }));
}

}  // namespace

WordPieceModel::WordPieceModel(const Json& description, const std::string& place) {
    read_vocabulary(description, place);
    unknown_ = unknown_of(description, vocabulary_, place);
    prefix_ = text_member(description, "continuing_subword_prefix", place);
    most_ = static_cast<std::size_t>(
        integer_value(member(description, "max_input_chars_per_word", place), 0, 1000000,
                      place + "/max_input_chars_per_word"));
    for (const auto& [piece, id] : vocabulary_) longest_ = std::max(longest_, piece.size());
}

std::vector<Token> WordPieceModel::encode(const std::string& piece) const {
    if (characters(piece) > most_) return {unknown_};
    std::vector<Token> out;
    for (std::size_t from = 0; from < piece.size();) {
        const std::string before = from > 0 ? prefix_ : std::string();
        std::size_t length = std::min(piece.size() - from, longest_);
        auto found = vocabulary_.end();
        for (; length > 0 && found == vocabulary_.end(); --length)
            found = vocabulary_.find(before + piece.substr(from, length));
        if (found == vocabulary_.end()) return {unknown_};
        out.push_back(found->second);
        from += length + 1;
    }
    return out;
}

WordLevelModel::WordLevelModel(const Json& description, const std::string& place) {
    read_vocabulary(description, place);
    unknown_ = unknown_of(description, vocabulary_, place);
}

std::vector<Token> WordLevelModel::encode(const std::string& piece) const {
    const auto found = vocabulary_.find(piece);
    return {found == vocabulary_.end() ? unknown_ : found->second};
}

}  // namespace prefdyn::text
