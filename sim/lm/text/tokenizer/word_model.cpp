#include "sim/lm/text/tokenizer/word_model.hpp"

#include <array>
#include <cstdio>
#include <limits>

#include "sim/base/failure.hpp"
#include "sim/lm/text/tokenizer/bpe_model.hpp"
#include "sim/lm/text/tokenizer/unigram_model.hpp"
#include "sim/lm/text/tokenizer/whole_word_models.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

std::vector<Token> WordModel::bytes_of(const std::string& text) const {
    std::vector<Token> out;
    for (const char c : text) {
        std::array<char, 8> name{};
        std::snprintf(name.data(), name.size(), "<0x%02X>", static_cast<unsigned char>(c));
        const auto found = vocabulary_.find(name.data());
        if (found == vocabulary_.end()) return {};
        out.push_back(found->second);
    }
    return out;
}

void WordModel::read_vocabulary(const Json& description, const std::string& place) {
    const std::string here = place + "/vocab";
    const Json& vocab = member(description, "vocab", place);
    require_object(vocab, here);
    if (vocab.empty()) throw InputError(here + ": is empty");
    for (const auto& [piece, id] : vocab.items())
        vocabulary_[piece] = static_cast<Token>(integer_value(
            id, 0, std::numeric_limits<Token>::max() - 1, here + ", piece " + in_quotes(piece)));
}

std::unique_ptr<WordModel> read_word_model(const Json& description, bool bytes,
                                           const std::string& place) {
    const bool named = find_member(description, "type", place) != nullptr;
    const std::string type = named ? text_member(description, "type", place) : "BPE";
    if (type == "BPE") return std::make_unique<BpeModel>(description, bytes, place);
    if (type == "Unigram") return std::make_unique<UnigramModel>(description, place);
    if (type == "WordPiece") return std::make_unique<WordPieceModel>(description, place);
    if (type == "WordLevel") return std::make_unique<WordLevelModel>(description, place);
    throw InputError(place + "/type: is " + in_quotes(type) +
                         ", known are BPE, Unigram, WordPiece and WordLevel",
                     kElsewhere);
}

}  // namespace prefdyn::text
