#pragma once
// What is to be embedded: the token ids of every behaviour's prompts, checked against the model.

#include "experiments/program/prompt_options.hpp"
#include "sim/lm/model/transformer.hpp"
#include "sim/lm/text/token_file.hpp"

namespace prefdyn {

struct EmbedBehaviour {
    std::string name;
    std::string source;  ///< file the prompts come from
    std::vector<transformer::TokenIds> prompts;
    std::vector<std::int8_t> label;  ///< +1: the first answer is chosen
    std::vector<std::int64_t> line;  ///< in `source`, from 1; of a token file the prompt, from 0
    text::ResponsePair pair;
    std::string data_hash, tokens_hash;
    std::int64_t filtered = 0, truncated = 0;
};

/// File and line of a prompt.
std::string place_of(const EmbedBehaviour& behaviour, std::size_t prompt);

struct EmbedInput {
    std::vector<EmbedBehaviour> behaviours;  ///< sorted by name
    std::string tokenizer, tokenizer_hash;   ///< kind and hash; "--tokens FILE" if made elsewhere
    bool bos = false;                        ///< put first in every prompt
    std::string prompt_template;             ///< as it is read
    std::string note;                        ///< of the tokeniser
};

/// `append_shared`: the pieces both answers begin with are part of the prompt.
EmbedInput input_from_data(const std::string& tokenizer_folder, Index vocabulary,
                           const PromptOptions& options, bool append_shared);
EmbedInput input_from_tokens(const std::string& path, Index vocabulary);

/// Throws InputError naming file and line of a prompt longer than the context; with `truncate` only
/// the last tokens of it are kept, behind its first if `keep_first` (a bos put in front).
void fit_context(EmbedInput& input, Index context, bool truncate, bool keep_first);

/// Throws InputError naming file and line of a prompt with this token, which stands for an image.
void require_no_image(const EmbedInput& input, Index image_token);

}  // namespace prefdyn
