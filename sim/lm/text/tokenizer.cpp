#include "sim/lm/text/tokenizer.hpp"

#include <filesystem>

#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/text/text_file.hpp"
#include "sim/lm/text/tokenizer/byte_level_tokenizer.hpp"
#include "sim/lm/text/tokenizer/sentencepiece_tokenizer.hpp"

namespace prefdyn::text {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 28;

std::unique_ptr<Tokenizer> load_file(const std::filesystem::path& path) {
    const std::string bytes = read_file(path.string(), kMaxBytes);
    const auto parent = path.parent_path();
    const auto config = read_tokenizer_config(parent.empty() ? "." : parent.string());
    if (path.extension() == ".model") return sentencepiece_tokenizer(bytes, config, path.string());
    return byte_level_tokenizer(parse_json(bytes, path.string()), config, path.string(),
                                content_hash(bytes));
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const std::string& path) {
    if (!std::filesystem::is_directory(path)) return load_file(path);
    for (const char* name : {"tokenizer.model", "tokenizer.json"})
        if (const auto file = std::filesystem::path(path) / name; std::filesystem::exists(file))
            return load_file(file);
    throw InputError(path + ": holds neither tokenizer.model nor tokenizer.json",
                     "make the token ids with the model's own tokeniser and give them with "
                     "--tokens FILE.h5");
}

void require_vocabulary(const Tokenizer& tokenizer, Token vocabulary, const std::string& place) {
    if (tokenizer.size() > vocabulary)
        throw InputError(place + ": the model's vocabulary has " + std::to_string(vocabulary) +
                             " rows, but the tokeniser has ids up to " +
                             std::to_string(tokenizer.size() - 1),
                         "do tokeniser and model belong together?");
}

void require_token(Token id, Token size) {
    if (id < 0 || id >= size)
        throw InputError("token id " + std::to_string(id) +
                         " is outside the vocabulary, allowed are 0 to " +
                         std::to_string(size - 1));
}

}  // namespace prefdyn::text
